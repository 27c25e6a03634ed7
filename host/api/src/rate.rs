//! How often a key may be used.

use crate::Config;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hostler_jobs::{Key, KeyDigest};
use hostler_model::Rate;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// One limiter for each key that was used. The lock is written to only at a key's first use.
#[derive(Clone)]
pub(crate) struct Rates {
    default: Rate,
    limiters: Arc<RwLock<HashMap<KeyDigest, Limited>>>,
}

/// A key is revoked where nobody holds it any more.
struct Limited {
    key: Weak<Key>,
    limiter: DefaultDirectRateLimiter,
}

impl Rates {
    pub(crate) fn new(config: &Config) -> Self {
        let default = Rate { per_second: config.rate_per_second, burst: config.rate_burst };
        Self { default, limiters: Arc::default() }
    }

    /// Whether the key may be used now. As a key may be used at least once a second, it may be used a second later.
    pub(crate) fn allow(&self, digest: KeyDigest, key: &Arc<Key>) -> bool {
        let limiters = self.limiters.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Limited { limiter, .. }) = limiters.get(&digest) {
            return limiter.check().is_ok();
        }
        drop(limiters);
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        limiters.retain(|_, Limited { key, .. }| key.strong_count() > 0);
        let Rate { per_second, burst } = key.rate.unwrap_or(self.default);
        let new = || Limited {
            key: Arc::downgrade(key),
            limiter: RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)),
        };
        limiters.entry(digest).or_insert_with(new).limiter.check().is_ok()
    }
}
