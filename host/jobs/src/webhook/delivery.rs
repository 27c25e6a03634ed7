//! What is known of a delivery.

use hostler_model::{JobId, WebhookEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that is told to somebody, and what became of that. It holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    /// The header `Webhook-Id`, the same for all attempts.
    pub id: String,
    /// The job that it is about.
    pub job: JobId,
    /// What it tells.
    pub event: WebhookEvent,
    /// Scheme, host and port of the receiver.
    pub to: String,
    /// When that was.
    pub created_at: Timestamp,
    /// How far it is.
    pub state: DeliveryState,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// How often it was tried, the first time first.
    pub attempts: Vec<Attempt>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It is to be tried.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it, and it is tried no more.
    GivenUp,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it had ended.
    pub at: Timestamp,
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
}
