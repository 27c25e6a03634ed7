//! What is remembered of decisions.

use crate::JobId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One line of the audit: what was decided, about whom, by what rule. It holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// What was decided.
    pub event: AuditEvent,
    /// The job that it is about, if it is about one.
    #[schema(value_type = Option<Uuid>)]
    pub job: Option<JobId>,
    /// The plugin that it is about: the job's driver, or the one that was loaded.
    pub plugin: String,
    /// SHA-256 of its component, in hexadecimal digits; empty if that is not known.
    pub digest: String,
    /// The kind of action that was asked for, or `job` or `plugin`.
    pub action: String,
    /// Where it was to happen.
    pub target: Option<String>,
    /// Who decided: `grants`, the name of a policy, or `loader`.
    pub by: String,
    /// A stable word, or the place in the configuration, of the rule that decided.
    pub rule: String,
    /// One sentence.
    pub reason: String,
    /// What was judged; for an amendment, what changed (RFC 6902).
    pub details: Value,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditEvent {
    /// It was denied.
    Denied,
    /// A policy that only monitors would have denied it.
    WouldDeny,
    /// A policy changed a job.
    Amended,
    /// A policy that only monitors would have changed a job.
    WouldAmend,
    /// There are more decisions about one job than are written down one by one; `reason` says how many.
    More,
    /// A driver broke a limit or a rule, or trapped.
    Failed,
    /// A plugin was taken into service.
    Loaded,
    /// A plugin was not taken into service.
    Refused,
    /// A plugin's former version was taken back into service.
    RolledBack,
    /// A plugin was taken out of service.
    Removed,
}
