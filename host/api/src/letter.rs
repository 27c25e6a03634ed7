//! What webhooks say, each in the words of the API that asked for it.

use crate::{dialect, native};
use hostler_jobs::{Job, Letter};
use hostler_model::WebhookEvent;
use jiff::Timestamp;

/// Writes the bodies of webhooks: those of `NetPulse`'s dialects in their shapes, all others in ours.
pub struct Letters;

impl Letter for Letters {
    fn body(&self, job: &Job, event: WebhookEvent, at: Timestamp, dialect: &str) -> Vec<u8> {
        let letter = match dialect {
            "0.2" => dialect::letter::plain(job),
            "0.3" => dialect::letter::flat(job),
            "0.4" => dialect::letter::structured(job, at),
            _ => native::letter(job, event, at),
        };
        letter.to_string().into_bytes()
    }
}
