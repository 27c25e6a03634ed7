//! What webhooks say, each in the words of the API that asked for it.

use crate::{Config, dialect, download, native};
use axum::http::HeaderMap;
use hostler_jobs::{Job, Letter};
use hostler_model::{TaskSlice, WebhookEvent};
use jiff::Timestamp;

/// Writes the bodies of webhooks: those of `NetPulse`'s dialects in their shapes, all others in ours.
pub struct Letters {
    /// Where clients reach this daemon, if the operator says it, or empty.
    base: String,
}

impl Letters {
    /// Letters with addresses as the section `[http]` says.
    pub fn new(config: &Config) -> Self {
        Self { base: download::base(config, &HeaderMap::new()) }
    }
}

impl Letter for Letters {
    fn body(&self, job: &Job, event: WebhookEvent, at: Timestamp, dialect: &str) -> Vec<u8> {
        let letter = match dialect {
            "0.2" => dialect::letter::plain(job),
            "0.3" => dialect::letter::flat(job),
            "0.4" => dialect::letter::structured(job, at, &self.base),
            _ => native::letter(job, event, at),
        };
        letter.to_string().into_bytes()
    }

    fn body_of_task(
        &self,
        slice: &TaskSlice,
        job: Option<&Job>,
        event: WebhookEvent,
        at: Timestamp,
        dialect: &str,
    ) -> Vec<u8> {
        let letter = match dialect {
            "0.4" => dialect::letter::of_task(slice, job, event == WebhookEvent::TaskEnded, at),
            _ => native::letter_of_task(slice, event, at),
        };
        letter.to_string().into_bytes()
    }
}
