//! From TCP to the end of the key exchange, with the check of the server's key (RFC 4253).

use crate::dial::Wire;
use crate::host_key::HostKeyCheck;
use crate::known_hosts::KnownHosts;
use crate::{Connect, algorithms};
use hostler_model::{ErrorKind, Failure, Phase, Target};
use russh::client::{DisconnectReason, Handle, Handler, connect_stream};
use russh::compression::Compression;
use russh::keys::PublicKeyOrCertificate;
use russh::{ChannelId, Names};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the connection itself has to tell, beside what it is asked.
#[derive(Default)]
pub(crate) struct Notes {
    warnings: Mutex<Vec<String>>,
    version: OnceLock<String>,
    end: Mutex<Option<End>>,
    /// Nothing is left of the connection.
    pub(crate) ended: CancellationToken,
    channels: AtomicUsize,
}

/// How the connection ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// The server refused any further attempt to log in.
    pub(crate) no_more_methods: bool,
    /// In words.
    pub(crate) reason: String,
}

impl Notes {
    pub(crate) fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The identification string of the server.
    pub(crate) fn version(&self) -> Option<String> {
        self.version.get().cloned()
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many channels russh keeps. It forgets one when the server closes it, and never if we did so before.
    pub(crate) fn channels(&self) -> usize {
        self.channels.load(Ordering::Relaxed)
    }

    /// The failure of whatever needed the connection when it ended.
    pub(crate) fn lost(&self, phase: Phase) -> Failure {
        let reason = self.end().map_or_else(|| "the connection was closed".into(), |end| end.reason);
        Failure::new(
            ErrorKind::ConnectionLost,
            phase,
            format!("The connection was lost ({reason}): check the server's log and the network, then try again."),
        )
    }
}

/// Receives what russh calls back.
pub(crate) struct Verifier {
    host_key: HostKeyCheck,
    /// Compression was asked for, and nobody has said yet whether there is any.
    compress: bool,
    notes: Arc<Notes>,
    _end: DropGuard,
}

/// Why a handshake failed.
#[derive(Debug)]
pub(crate) enum Broken {
    /// russh says.
    Ssh(russh::Error),
    /// The server's key is not accepted.
    HostKey(Failure),
}

impl From<russh::Error> for Broken {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// Exchanges keys and verifies the server's.
pub(crate) async fn handshake(
    wire: Wire,
    request: &Connect,
    known_hosts: &Arc<KnownHosts>,
    keepalive: Duration,
    notes: &Arc<Notes>,
) -> Result<Handle<Verifier>, Failure> {
    let Connect { target, compress, banner_timeout, .. } = request;
    let host_key = HostKeyCheck::new(request, known_hosts).await?;
    let config =
        algorithms::client(keepalive, *compress, |algorithm| host_key.knows(algorithm), host_key.wants_certificate());
    let (greeting, end) = (wire.greeting(), wire.end_on_drop());
    let verifier =
        Verifier { host_key, compress: *compress, notes: notes.clone(), _end: notes.ended.clone().drop_guard() };
    let greeting = || greeting.get().map(Vec::as_slice).unwrap_or_default();
    match timeout(*banner_timeout, connect_stream(config, wire, verifier)).await {
        Ok(Ok(handle)) => {
            end.disarm();
            notes.version.get_or_init(|| identification(greeting()));
            Ok(handle)
        }
        Ok(Err(Broken::HostKey(failure))) => Err(failure),
        Ok(Err(Broken::Ssh(error))) => Err(explain(&error, greeting(), target)),
        Err(_) => {
            let missing = if greeting().is_empty() { "did not greet us" } else { "did not finish the key exchange" };
            Err(Failure::new(
                ErrorKind::Timeout,
                Phase::Connect,
                format!(
                    "The server at port {} of `{}` {missing} in time: check that it is an SSH server, or raise `banner_timeout`.",
                    target.port, target.host
                ),
            ))
        }
    }
}

/// The failure of a key exchange with a server that said `greeting` first.
pub(crate) fn explain(error: &russh::Error, greeting: &[u8], target: &Target) -> Failure {
    let place = format!("port {} of `{}`", target.port, target.host);
    let (kind, message) = match error {
        // sshd says these two instead of a greeting, since version 9.8.
        _ if greeting.starts_with(b"Exceeded MaxStartups") => (
            ErrorKind::Busy,
            format!("The server at {place} has no room for another login (MaxStartups of sshd): try again later."),
        ),
        _ if greeting.starts_with(b"Not allowed at this time") => (
            ErrorKind::Denied,
            format!("The server at {place} shuts this address out for a while (PerSourcePenalties of sshd): wait."),
        ),
        russh::Error::Version | russh::Error::Disconnect | russh::Error::IO(_)
            if !greeting.is_empty() && !greeting.starts_with(b"SSH-") =>
        {
            (
                ErrorKind::Protocol,
                format!("What listens at {place} is no SSH server, it says `{}`: check `port`.", printable(greeting)),
            )
        }
        russh::Error::Version => {
            (ErrorKind::Protocol, format!("What listens at {place} does not speak SSH 2: check `port`."))
        }
        russh::Error::NoCommonAlgo { kind, theirs, .. } => (
            ErrorKind::Protocol,
            format!(
                "The server at {place} and Hostler have no {kind:?} algorithm in common, the server offers only `{}`: enable a newer one there.",
                printable(theirs.join(",").as_bytes())
            ),
        ),
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_) if greeting.is_empty() => (
            ErrorKind::ConnectionLost,
            format!(
                "The server at {place} closed the connection before it greeted us: it may be overloaded (MaxStartups of sshd), refuse this address, or be no SSH server."
            ),
        ),
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_) => (
            ErrorKind::ConnectionLost,
            format!("The server at {place} closed the connection during the key exchange: check the server's log."),
        ),
        _ => (
            ErrorKind::Protocol,
            format!("The key exchange with the server at {place} failed: check the server's log."),
        ),
    };
    Failure::new(kind, Phase::Connect, message).with_detail(error)
}

/// A server's text, made fit for a sentence: its first line, without control characters.
pub(crate) fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The line with which a server names itself. Others may stand before it.
fn identification(greeting: &[u8]) -> String {
    let mut lines = greeting.split(|&byte| byte == b'\n');
    printable(lines.find(|line| line.starts_with(b"SSH-")).unwrap_or(greeting))
}

impl Handler for Verifier {
    type Error = Broken;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Broken> {
        self.host_key.verify(presented, &self.notes).await.map_err(Broken::HostKey)?;
        Ok(true)
    }

    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        names: &Names,
        _: &mut russh::client::Session,
    ) -> Result<(), Broken> {
        if std::mem::take(&mut self.compress) && matches!(names.client_compression, Compression::None) {
            self.notes.warn("Compression was asked for, but the server does none.".into());
        }
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        _: ChannelId,
        _: u32,
        _: u32,
        _: &mut russh::client::Session,
    ) -> Result<(), Broken> {
        self.notes.channels.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut russh::client::Session) -> Result<(), Broken> {
        self.notes.channels.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Broken>) -> Result<(), Broken> {
        let (no_more_methods, words) = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let words = printable(info.message.as_bytes());
                // OpenSSH says it in words, under the code of a protocol error.
                let no_more = matches!(info.reason_code, russh::Disconnect::NoMoreAuthMethodsAvailable)
                    || words.starts_with("Too many authentication failures");
                (no_more, format!("the server said: {words}"))
            }
            DisconnectReason::Error(Broken::Ssh(error @ russh::Error::NoAuthMethod)) => (true, error.to_string()),
            DisconnectReason::Error(Broken::Ssh(error)) => (false, error.to_string()),
            DisconnectReason::Error(Broken::HostKey(failure)) => (false, failure.message.clone()),
        };
        let end = End { no_more_methods, reason: words };
        *self.notes.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
