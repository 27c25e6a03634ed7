//! The keys that callers present.

use crate::Caller;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use utoipa::ToSchema;

/// How often a key may be used: GCRA, so that what was not used comes back bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second in the long run.
    #[schema(value_type = u32, minimum = 1)]
    pub per_second: NonZeroU32,
    /// Requests at once.
    #[schema(value_type = u32, minimum = 1)]
    pub burst: NonZeroU32,
}

/// What is known about an API key. The key itself is not, nor its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyInfo {
    /// Who presents it.
    #[serde(flatten)]
    pub caller: Caller,
    /// How often it may be used; absent: as the configuration says.
    pub rate: Option<Rate>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom: [`Caller::name`].
    pub created_by: String,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
}

impl KeyInfo {
    /// Whether it is worth nothing any more.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// The key that somebody wants to have made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Who will present it.
    pub caller: Caller,
    /// How often it may be used; absent: as the configuration says.
    pub rate: Option<Rate>,
    /// From when on it is to be worth nothing.
    pub expires_at: Option<Timestamp>,
}
