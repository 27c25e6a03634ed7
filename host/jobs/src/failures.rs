//! The failures that this room itself gives, each with its sentence.

use hostler_model::{ErrorKind, Failure, Phase, Problem, Target};
use hostler_plugins::Rejection;
use jiff::Timestamp;
use std::fmt::Display;
use std::time::Duration;

/// How far a job had come when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Queue,
    Start,
    Effect,
}

fn failure(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure::new(kind, Phase::Store, message)
}

/// The queue is full.
pub(crate) fn full(max_queued: usize) -> Failure {
    failure(ErrorKind::Busy, format!("{max_queued} jobs are waiting already; submit the job again later."))
}

/// The queue has no room for so much.
pub(crate) fn full_of_bytes(max_queued_bytes: usize) -> Failure {
    let message = format!(
        "With this job, the requests that wait would have more than {max_queued_bytes} bytes; submit the job again later."
    );
    failure(ErrorKind::Busy, message)
}

/// The daemon takes no new jobs.
pub(crate) fn stopping() -> Failure {
    failure(ErrorKind::Busy, "The daemon is stopping; submit the job again when it is back.")
}

/// The job waited for too long.
pub(crate) fn expired(ttl: Duration) -> Failure {
    let message = format!(
        "The job waited in the queue for longer than its ttl of {} s and was not begun; \
         submit it again later or with a longer ttl.",
        ttl.as_secs_f64()
    );
    failure(ErrorKind::Expired, message)
}

/// The job was cancelled in the queue.
pub(crate) fn canceled() -> Failure {
    failure(ErrorKind::Canceled, "The job was cancelled while it waited in the queue; it was not begun.")
}

/// The daemon ended while it held the job.
pub(crate) fn lost(reached: Reached) -> Failure {
    let message = match reached {
        Reached::Queue => {
            "The daemon ended while the job waited in the queue; it was not begun, so it is safe to submit it again."
        }
        Reached::Start => {
            "The daemon ended while it carried the job out, before the job acted on its target; \
             it is safe to submit it again."
        }
        Reached::Effect => {
            "The daemon ended after the job had begun to act on its target; \
             look at the target before you submit it again."
        }
    };
    failure(ErrorKind::Lost, message)
}

/// The daemon ended and stopped the job, which ended with this.
pub(crate) fn stopped(reached: Reached, end: &Failure) -> Failure {
    let failure = lost(reached);
    Failure { message: format!("{} How it ended: {}.", failure.message, end.message), ..failure }
}

/// The caller submitted another request under the same idempotency key.
pub(crate) fn other_request() -> Failure {
    failure(
        ErrorKind::IdempotencyConflict,
        "Another request was submitted with this Idempotency-Key; choose a new key for a new request.",
    )
}

/// The job of an idempotency key is not kept any more.
pub(crate) fn removed() -> Failure {
    failure(
        ErrorKind::IdempotencyConflict,
        "The job that was submitted with this Idempotency-Key has been removed; choose a new key to run it again.",
    )
}

/// The request is not what it was when the job was accepted.
pub(crate) fn other_target(was: &Target, is: &Target) -> Failure {
    let message = format!(
        "The driver was replaced while the job waited, and reads another target from the request: {is} instead of {was}; submit it again."
    );
    Failure::new(ErrorKind::Denied, Phase::Validate, message)
}

/// The credential of the job leads to another login than when the job was accepted and judged.
pub(crate) fn other_user(was: &Target, is: &Target) -> Failure {
    let message = format!(
        "While the job waited, its credential came to mean another login, {is} instead of {was}; submit it again if that is right."
    );
    Failure::new(ErrorKind::Denied, Phase::Validate, message)
}

/// Why a request that was accepted once is not accepted any more.
pub(crate) fn rejected(rejection: Rejection) -> Failure {
    match rejection {
        Rejection::Invalid(problems) => not_valid(&problems),
        Rejection::Failed(failure) => failure,
    }
}

/// The driver was replaced, and does not accept the request any more.
fn not_valid(problems: &[Problem]) -> Failure {
    let problems: Vec<String> = problems.iter().map(|it| format!("{}: {}", it.path.join("."), it.message)).collect();
    let problems = problems.join("; ");
    let message = format!("The driver does not accept the request any more: {problems}.");
    Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message)
}

/// The key that sealed it is not ours.
pub(crate) fn not_sealed_by_us() -> Failure {
    failure(
        ErrorKind::Lost,
        "What the daemon kept of this cannot be opened: its key (secrets.key) was replaced; submit it again.",
    )
}

/// An earlier run of the daemon ended while it held the job, some time after it was `seen`.
pub(crate) fn lost_with_daemon(reached: Reached, seen: Option<Timestamp>) -> Failure {
    let mut failure = lost(reached);
    if let Some(seen) = seen {
        failure.message = format!("{} The daemon was last seen at {seen}.", failure.message);
    }
    failure
}

/// The daemon ended each time while it carried the job out.
pub(crate) fn lost_each_time(attempts: u32) -> Failure {
    let message = format!(
        "The job was begun {attempts} times, and each time the daemon ended before the job did; \
         look at the target and at the daemon's log before you submit it again."
    );
    failure(ErrorKind::Lost, message)
}

/// The job was to be canceled when the daemon ended, and had not acted on its target.
pub(crate) fn canceled_before_effect() -> Failure {
    failure(ErrorKind::Canceled, "The job was cancelled before it acted on its target.")
}

/// The job ended, for instance as lost, before it could act on its target.
pub(crate) fn ended_before_effect() -> Failure {
    failure(ErrorKind::Canceled, "The job had ended already, so it may not act on its target any more.")
}

/// The code that carried the job out panicked.
pub(crate) fn panicked(reached: Reached) -> Failure {
    let message = match reached {
        Reached::Effect => {
            "The daemon failed after the job had begun to act on its target: look at the target, and report this bug."
        }
        _ => "The daemon failed before the job acted on its target: report this bug.",
    };
    Failure::new(ErrorKind::Internal, Phase::Plugin, message)
}

/// The store does not answer as it should. The detail is for the log.
pub(crate) fn store(detail: impl Display) -> Failure {
    failure(ErrorKind::Internal, "The job store failed; the operator finds the reason in the daemon's log.")
        .with_detail(detail)
}
