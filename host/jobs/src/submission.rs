//! What comes in at the door, and what is answered.

use crate::Job;
use hostler_model::{BatchId, Caller, Plan, Request};
use hostler_plugins::Verdict;

/// A request, who makes it, and what else is known about how it came.
pub struct Submission {
    /// What is asked.
    pub request: Request,
    /// Who asks.
    pub caller: Caller,
    /// How the caller names this submission, so that asking again does not submit again.
    pub idempotency: Option<Idempotency>,
    /// The batch that it is part of.
    pub batch: Option<BatchId>,
    /// The trace that it is part of: `traceparent` of W3C Trace Context.
    pub trace: Option<String>,
}

/// The name that a caller gave a submission, and what it submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The name.
    pub key: String,
    /// A keyed hash of the whole request, secrets included: see [`crate::Jobs::fingerprint`].
    pub fingerprint: [u8; 32],
}

impl Submission {
    /// A request of its own, of which nothing else is known.
    pub fn new(request: Request, caller: Caller) -> Self {
        Self { request, caller, idempotency: None, batch: None, trace: None }
    }
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// Whether it came of an earlier submission with the same idempotency key.
    pub known: bool,
}

/// What would become of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRun {
    /// What the driver made of the request, as the policies left it.
    pub plan: Plan,
    /// What each policy said, in order; once more for a job that one of them changed.
    pub policies: Vec<Verdict>,
    /// What the client should know.
    pub warnings: Vec<String>,
}
