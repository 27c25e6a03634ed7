//! Whom to tell what becomes of a job.

use crate::Secret;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Something that becomes of a job, in the words of its states, or of the detached task that it launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookEvent {
    /// A worker began to carry it out.
    Started,
    /// It was carried out.
    Finished,
    /// An error stopped it.
    Failed,
    /// Somebody cancelled it.
    Canceled,
    /// Its detached task wrote something.
    TaskOutput,
    /// Its detached task ended, or was never launched.
    TaskEnded,
}

impl WebhookEvent {
    /// The ends that a job can have: what is told unless the request says otherwise.
    pub const ENDS: [Self; 3] = [Self::Finished, Self::Failed, Self::Canceled];

    /// Whether it is of a detached task.
    pub fn is_of_task(self) -> bool {
        matches!(self, Self::TaskOutput | Self::TaskEnded)
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// An HTTP request that is made when something becomes of the job.
#[derive(Clone)]
pub struct Webhook {
    /// Where it goes. Secret as a whole, because many receivers know the sender by the path or the query.
    pub url: Secret,
    /// What it is signed with. Without one it is not signed.
    pub secret: Option<Secret>,
    /// What it tells.
    pub events: BTreeSet<WebhookEvent>,
    /// Its method (RFC 9110 section 9).
    pub method: String,
    /// Headers besides those that the daemon sets.
    pub headers: BTreeMap<String, Secret>,
    /// In whose words it tells: a dialect of the room that writes bodies. Empty: the native one.
    pub dialect: String,
    /// Time between its attempts, and so how often it is tried again. Absent: as the operator says.
    pub retry_after: Option<Vec<Duration>>,
    /// How long the receiver may take; absent, or longer than the operator allows: as long as that.
    pub timeout: Option<Duration>,
}

impl Webhook {
    /// A POST to this address at each end of the job.
    pub fn new(url: Secret) -> Self {
        Self {
            url,
            secret: None,
            events: WebhookEvent::ENDS.into(),
            method: "POST".into(),
            headers: BTreeMap::new(),
            dialect: String::new(),
            retry_after: None,
            timeout: None,
        }
    }
}
