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

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_model::Hop;

    #[tokio::test]
    async fn each_place_has_turns_of_its_own_and_is_forgotten() {
        let limiter = Limiter::new(1);
        let target = |user: &str, jumps: Vec<Hop>| Target { host: "Host".into(), port: 22, user: user.into(), jumps };
        let direct = limiter.turn(&target("a", vec![]), Instant::now()).await.expect("the first");
        let failure = limiter.turn(&target("b", vec![]), Instant::now()).await.expect_err("the same server");
        assert_eq!(failure.kind, ErrorKind::Timeout);
        let hop = Hop { host: "jump".into(), port: 22, user: "c".into() };
        let elsewhere = limiter.turn(&target("a", vec![hop]), Instant::now()).await.expect("another network");
        drop((direct, elsewhere));
        drop(limiter.turn(&target("b", vec![]), Instant::now()).await.expect("it is free again"));
        let last = Target { host: "last".into(), ..Target::default() };
        drop(limiter.turn(&last, Instant::now()).await.expect("free"));
        assert_eq!(limiter.places.lock().expect("a test").len(), 1);
    }
}
