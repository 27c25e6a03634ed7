//! What is remembered of requests, decisions and deeds.

use crate::JobId;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// One line of the audit: what was asked, decided or done, about whom, by what rule. It holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// What happened.
    pub event: AuditEvent,
    /// Who asked: [`crate::Caller::name`]; for what a job does, whose job it is. Absent: the daemon itself.
    #[serde(default)]
    pub caller: Option<String>,
    /// The job that it is about, if it is about one.
    #[schema(value_type = Option<Uuid>)]
    pub job: Option<JobId>,
    /// The plugin that it is about: the job's driver, or the one that was loaded; empty if it is about none.
    pub plugin: String,
    /// SHA-256 of its component, in hexadecimal digits; empty if that is not known.
    pub digest: String,
    /// The kind of action that was asked for, or `job`, `plugin`, `key` or `host-key`.
    pub action: String,
    /// Where it was to happen; the name of a key.
    pub target: Option<String>,
    /// Who decided: `grants`, `key`, the name of a policy, `loader` or `breaker`; empty where nobody had to.
    pub by: String,
    /// A stable word, or the place in the configuration, of the rule that decided; empty where there was none.
    pub rule: String,
    /// One sentence; may be empty where the event says it all.
    pub reason: String,
    /// What was judged or done; for an amendment, what changed (RFC 6902).
    pub details: Value,
}

impl AuditEntry {
    /// An entry in which the daemon did this, to something of this sort, and nothing else is said.
    pub fn new(event: AuditEvent, action: impl Into<String>) -> Self {
        Self {
            event,
            caller: None,
            job: None,
            plugin: String::new(),
            digest: String::new(),
            action: action.into(),
            target: None,
            by: String::new(),
            rule: String::new(),
            reason: String::new(),
            details: Value::Null,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditEvent {
    /// A job was accepted.
    Submitted,
    /// A job was let do something that can change its target.
    Executed,
    /// Somebody cancelled a job: it was not begun, or is asked to stop.
    Canceled,
    /// A job ended; `details` say how.
    Ended,
    /// A credential was fetched for a job; `details` say which.
    CredentialUsed,
    /// It was denied.
    Denied,
    /// A policy that only monitors would have denied it.
    WouldDeny,
    /// A policy changed a job.
    Amended,
    /// A policy that only monitors would have changed a job.
    WouldAmend,
    /// There is more about one job than is written down one by one; `reason` says how much.
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
    /// A plugin failed too often in a row, and is not called for a while.
    BreakerOpened,
    /// A plugin is called again.
    BreakerClosed,
    /// An API key was made.
    KeyCreated,
    /// An API key was revoked.
    KeyRevoked,
    /// A host key was put on record.
    HostKeyAdded,
    /// Host keys were forgotten.
    HostKeyRemoved,
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for AuditEvent {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        Self::deserialize(StrDeserializer::new(word))
    }
}
