//! How a connection comes to be: leg by leg from the first jump host to the target.

use crate::background::Background;
use crate::credential::Lent;
use crate::dial::{BULK_READ_BUFFER, READ_BUFFER, Wire, check_host, dial};
use crate::handshake::{Notes, Verifier, handshake};
use crate::key::KeyMaker;
use crate::known_hosts::KnownHosts;
use crate::limiter::Limiter;
use crate::link::Link;
use crate::login::login;
use crate::metrics::Logins;
use crate::pool::{Lease, Opening, Pool, Wish};
use crate::tunnel::{self, on_the_way};
use crate::{Connect, credential};
use futures::FutureExt;
use hostler_model::{ErrorKind, Failure, Phase};
use russh::client::Handle;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;
use tokio::time::{Instant, sleep_until, timeout};

/// The longest chain. Each jump host adds its own round trips to every other.
const MAX_JUMPS: usize = 8;

/// A server is asked no more often than this whether it is alive.
const MIN_KEEPALIVE: Duration = Duration::from_secs(1);

/// The first pause before a server that had no room for us is asked again. Each next one is twice as long, up to
/// the longest, and each varies, so that those who were turned away together do not come back together.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What all connections need.
pub(crate) struct Opener {
    pub(crate) lent: Arc<Lent>,
    pub(crate) known_hosts: Arc<KnownHosts>,
    pub(crate) keepalive: Duration,
    pub(crate) keys: KeyMaker,
    pub(crate) limiter: Limiter,
    pub(crate) logins: Logins,
    /// Where connections live that move files.
    pub(crate) background: Background,
    /// The connections to jump hosts.
    pub(crate) jumps: Arc<Pool>,
    /// How long a jump host is kept after its last tunnel.
    pub(crate) jump_idle: Duration,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Target,
    Jump,
}

impl Opener {
    /// Refuses what cannot be a way to a server. Errors: `invalid-request`.
    pub(crate) fn check(request: &Connect) -> Result<(), Failure> {
        let target = &request.target;
        check_host(&target.host)?;
        target.jumps.iter().try_for_each(|jump| check_host(&jump.host))?;
        let invalid = |message| Err(Failure::new(ErrorKind::InvalidRequest, Phase::Connect, message));
        if target.jumps.len() > MAX_JUMPS {
            return invalid(format!("The way has more than {MAX_JUMPS} jump hosts: leave some out."));
        }
        if target.jumps.len() != request.jumps.len() {
            return invalid(format!("The way has {} jump hosts: say how to log in to each.", target.jumps.len()));
        }
        Ok(())
    }

    /// Opens a connection to the target.
    pub(crate) fn open(self: &Arc<Self>, request: Connect) -> Opening {
        if request.bulk {
            self.background.run(self.clone().leg(request, Role::Target))
        } else {
            self.open_leg(request, Role::Target)
        }
    }

    /// What connection serves the request, and for how long it is waited for and kept.
    pub(crate) fn wish(&self, request: &Connect, idle: Duration) -> Wish {
        let legs = u32::try_from(1 + request.jumps.len()).unwrap_or(u32::MAX);
        let patience = legs * (request.connect_timeout + request.banner_timeout + request.auth_timeout);
        Wish { key: request.reuse.then(|| self.keys.key(request, self.interval(request))), idle, patience }
    }

    /// Silence after which the server is asked whether it is alive.
    fn interval(&self, request: &Connect) -> Duration {
        request.keepalive.filter(|asked| !asked.is_zero()).unwrap_or(self.keepalive).max(MIN_KEEPALIVE)
    }

    fn open_leg(self: &Arc<Self>, request: Connect, role: Role) -> Opening {
        self.clone().leg(request, role).boxed()
    }

    /// The last leg of a way; those before it are shared.
    async fn leg(self: Arc<Self>, mut request: Connect, role: Role) -> Result<Link, Failure> {
        let target = request.target.clone();
        let here = |failure| if role == Role::Jump { on_the_way(&target, failure) } else { failure };
        // Keys first: a request with an unusable one does not bother any server.
        let methods = std::mem::take(&mut request.authentication);
        let loading = timeout(request.auth_timeout, credential::load(methods, self.lent.clone()));
        let (credentials, warnings) = loading.await.unwrap_or_else(|_| Err(slow_keys())).map_err(here)?;
        let mut via = self.via(&request).await?;
        let deadline = Instant::now() + request.connect_timeout;
        let _turn = self.limiter.turn(&target, deadline).await.map_err(here)?;
        let (mut handle, notes) = self.shake_hands(&request, &mut via, deadline, here).await?;
        for warning in warnings {
            notes.warn(warning);
        }
        let login = login(&mut handle, &request, credentials, &notes).await;
        self.logins.ended(&login);
        login.map_err(here)?;
        Ok(Link { target, handle: Arc::new(handle), notes, runtime: runtime::Handle::current(), via })
    }

    /// The jump host before the target, if there is one.
    async fn via(self: &Arc<Self>, request: &Connect) -> Result<Option<Lease>, Failure> {
        let Some(jump) = last_jump(request) else { return Ok(None) };
        let wish = self.wish(&jump, self.jump_idle);
        let open = || self.open_leg(jump.clone(), Role::Jump);
        self.jumps.lease(wish, open).await.map(Some)
    }

    /// Reaches the server and exchanges keys with it. One that closes before it says anything, as older sshds do
    /// when too many log in at once, is asked a second time; one that says so, until the deadline. It
    /// happens below the limit, too: sshd still counts a login for a moment after it told us of its success.
    async fn shake_hands(
        self: &Arc<Self>,
        request: &Connect,
        via: &mut Option<Lease>,
        deadline: Instant,
        here: impl Fn(Failure) -> Failure + Copy,
    ) -> Result<(Handle<Verifier>, Arc<Notes>), Failure> {
        let keepalive = self.interval(request);
        let (mut pause, mut silent) = (PAUSE, false);
        loop {
            let wire = self.reach(request, via, deadline, here).await?;
            let greeting = wire.greeting();
            let notes = Arc::new(Notes::default());
            let failure = match handshake(wire, request, &self.known_hosts, keepalive, &notes).await {
                Ok(handle) => return Ok((handle, notes)),
                Err(failure) => failure,
            };
            let again = match failure.kind {
                ErrorKind::Busy => true,
                ErrorKind::ConnectionLost => greeting.get().is_none() && !std::mem::replace(&mut silent, true),
                _ => false,
            };
            let until = Instant::now() + varied(pause);
            if !again || until > deadline {
                return Err(here(failure));
            }
            sleep_until(until).await;
            pause = LONGEST_PAUSE.min(2 * pause);
        }
    }

    /// A stream to the server: TCP, or a tunnel through the jump host before it.
    async fn reach(
        self: &Arc<Self>,
        request: &Connect,
        via: &mut Option<Lease>,
        deadline: Instant,
        here: impl Fn(Failure) -> Failure,
    ) -> Result<Wire, Failure> {
        let Some(lease) = via else {
            let buffer = if request.bulk { BULK_READ_BUFFER } else { READ_BUFFER };
            return dial(&request.target, &request.addresses, buffer, deadline).await.map_err(here);
        };
        let mut tunnel = tunnel::open(&lease.link, &request.target, deadline).await;
        // The jump host may have died since somebody else logged in to it.
        if lease.joined && matches!(&tunnel, Err(failure) if failure.kind == ErrorKind::ConnectionLost) {
            lease.retire();
            *via = self.via(request).await?;
            if let Some(lease) = via {
                tunnel = tunnel::open(&lease.link, &request.target, deadline).await;
            }
        }
        tunnel.map(Wire::new)
    }
}

/// Up to half as much more, by chance.
fn varied(pause: Duration) -> Duration {
    let chance = getrandom::u32().unwrap_or_default();
    pause + pause.mul_f64(f64::from(chance) / f64::from(u32::MAX) / 2.0)
}

/// The way to the last jump host, as a request of its own.
fn last_jump(request: &Connect) -> Option<Connect> {
    let (authentication, before) = request.jumps.split_last()?;
    Some(Connect {
        target: request.target.jump(before.len())?,
        authentication: authentication.clone(),
        jumps: before.to_vec(),
        // These are the target's.
        host_keys: Vec::new(),
        // What runs inside is encrypted, so it does not get any smaller.
        compress: false,
        // Targets that are asked at different intervals share it, and their questions go through it.
        keepalive: None,
        bulk: false,
        reuse: true,
        ..request.clone()
    })
}

fn slow_keys() -> Failure {
    let message = "Decrypting the private keys takes too long: raise `auth_timeout`.";
    Failure::new(ErrorKind::Timeout, Phase::Auth, message)
}
