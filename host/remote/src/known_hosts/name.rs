//! How the file calls a server.

use crate::dial::check_host;
use hostler_model::{ErrorKind, Failure, Hop, Phase, Target};
use std::fmt::Write;

const SSH_PORT: u16 = 22;

/// What no host name and no pattern for one contains: it marks the name of a server behind jump hosts.
pub(super) const WAY: char = '/';

/// The names under which a server may be on record.
#[derive(Clone)]
pub(crate) struct Name {
    /// Without its port, in lower case.
    pub(super) host: String,
    /// `host`, or `[host]:port` where that is not 22.
    pub(super) direct: String,
    /// `[host]:port/via/[jump]:port/[jump]:port`, the jump host that is dialled first in front. Private
    /// addresses repeat behind different jump hosts, so the way is a part of the name.
    pub(super) chain: Option<String>,
}

impl Name {
    /// Errors: `invalid-request`, if a host is none.
    pub(crate) fn of(target: &Target) -> Result<Self, Failure> {
        check_host(&target.host)?;
        let host = target.host.to_lowercase();
        let mut chain = format!("[{host}]:{}{WAY}via", target.port);
        for Hop { host, port, .. } in &target.jumps {
            check_host(host)?;
            let _infallible = write!(chain, "{WAY}[{}]:{port}", host.to_lowercase());
        }
        let chain = (!target.jumps.is_empty()).then_some(chain);
        Ok(Self { direct: direct(&host, target.port), host, chain })
    }

    /// Reads a host, or what [`Name::own`] answers for one behind jump hosts. Errors: `invalid-request`.
    pub(crate) fn parse(text: &str, port: u16) -> Result<Self, Failure> {
        let Some((host, way)) = text.split_once("/via/") else {
            return Self::of(&Target { host: text.to_owned(), port, ..Target::default() });
        };
        let hop = |text: &str| {
            let (host, port) = text.strip_prefix('[')?.split_once("]:")?;
            Some(Hop { host: host.to_owned(), port: port.parse().ok()?, user: String::new() })
        };
        let parts = (hop(host), way.split(WAY).map(hop).collect::<Option<Vec<_>>>());
        let (Some(Hop { host, port, user }), Some(jumps)) = parts else {
            let message = "A server behind jump hosts is named like `[HOST]:PORT/via/[JUMP]:PORT`: write it so.";
            return Err(Failure::new(ErrorKind::InvalidRequest, Phase::HostKey, message));
        };
        Self::of(&Target { host, port, user, jumps })
    }

    /// The one under which a key is recorded.
    pub(crate) fn own(&self) -> &str {
        self.chain.as_deref().unwrap_or(&self.direct)
    }
}

fn direct(host: &str, port: u16) -> String {
    if port == SSH_PORT { host.to_owned() } else { format!("[{host}]:{port}") }
}
