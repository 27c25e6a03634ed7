//! A webhook as it is sealed.

use hostler_model::{Secret, Webhook};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// What of a webhook may be secret, and what goes with it. Only its sealed form is ever stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Plain {
    pub(super) url: Bare,
    pub(super) secret: Option<Bare>,
    pub(super) method: String,
    pub(super) headers: BTreeMap<String, Bare>,
    pub(super) timeout: Option<Duration>,
    #[serde(default)]
    pub(super) dialect: String,
    #[serde(default)]
    pub(super) retry_after: Option<Vec<Duration>>,
}

/// A secret that can be written, to be sealed at once.
pub(super) struct Bare(pub(super) Secret);

impl From<Webhook> for Plain {
    fn from(webhook: Webhook) -> Self {
        Self {
            url: Bare(webhook.url),
            secret: webhook.secret.map(Bare),
            method: webhook.method,
            headers: webhook.headers.into_iter().map(|(name, value)| (name, Bare(value))).collect(),
            timeout: webhook.timeout,
            dialect: webhook.dialect,
            retry_after: webhook.retry_after,
        }
    }
}

impl Serialize for Bare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(deserializer)?)))
    }
}
