//! How many logins may be in progress at one server. sshd drops connections when there are more than ten
//! (`MaxStartups`), and every login costs it a process.

use hostler_model::{ErrorKind, Failure, Phase, Target};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A server and the way to it, whoever logs in.
type Place = Vec<(String, u16)>;

/// Lets logins begin in the order in which they came.
pub(crate) struct Limiter {
    at_once: usize,
    places: Mutex<HashMap<Place, Weak<Semaphore>>>,
}

impl Limiter {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { at_once, places: Mutex::default() }
    }

    /// Waits for the right to log in, which lasts until it is dropped. Errors: `timeout`, after the deadline.
    pub(crate) async fn turn(&self, target: &Target, deadline: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = timeout_at(deadline, self.turns(target).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            let message = format!(
                "{} logins at `{}` port {} were in progress for too long: try again later, or raise `timeout`.",
                self.at_once, target.host, target.port
            );
            Failure::new(ErrorKind::Timeout, Phase::Connect, message)
        })
    }

    fn turns(&self, target: &Target) -> Arc<Semaphore> {
        let hops = target.jumps.iter().map(|hop| (hop.host.to_lowercase(), hop.port));
        let place: Place = hops.chain([(target.host.to_lowercase(), target.port)]).collect();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = places.get(&place).and_then(Weak::upgrade) {
            return turns;
        }
        places.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(self.at_once));
        places.insert(place, Arc::downgrade(&turns));
        turns
    }
}
