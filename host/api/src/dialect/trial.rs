//! A look at a target: can one log in there?

use crate::Api;
use hostler_jobs::Rejection;
use hostler_model::{Caller, Failure, Phase, Request, Tested};
use jiff::Timestamp;
use std::time::Instant;

/// How a look went.
pub(super) struct Trial {
    /// Seconds that it took.
    pub(super) latency: f64,
    /// What was seen, or why nothing was.
    pub(super) seen: Result<Tested, Failure>,
    pub(super) at: Timestamp,
}

/// Looks at the target of a request. That one cannot log in there is a result; that one may not look is an error.
pub(super) async fn look(api: &Api, caller: &Caller, request: Request) -> Result<Trial, Rejection> {
    let began = Instant::now();
    let seen = match api.backend.test(request, caller.clone()).await {
        Ok(tested) => Ok(tested),
        Err(Rejection::Failed(failure)) if is_of_target(failure.phase) => Err(failure),
        Err(rejection) => return Err(rejection),
    };
    let latency = seen.as_ref().map_or_else(|_| began.elapsed(), |tested| tested.latency).as_secs_f64();
    Ok(Trial { latency, seen, at: Timestamp::now() })
}

fn is_of_target(phase: Phase) -> bool {
    matches!(phase, Phase::Connect | Phase::HostKey | Phase::Auth | Phase::Exec | Phase::Transfer)
}
