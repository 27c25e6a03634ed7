//! What a policy said of a job.

use crate::Mode;
use serde::Serialize;

/// What one policy said of a job that may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The policy.
    pub policy: String,
    /// What its word counts.
    pub mode: Mode,
    /// What it said, in a word.
    pub verdict: Opinion,
    /// Why. Empty where it only allowed it.
    pub reason: String,
}

/// A verdict in a word. A policy that denies is a rejection instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    /// It has nothing against it.
    Allowed,
    /// It changed the job.
    Amended,
    /// It only monitors; else it would have denied it.
    WouldDeny,
    /// It only monitors; else it would have changed it.
    WouldAmend,
}
