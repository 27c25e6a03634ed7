//! Where API keys are kept.

use crate::KeyDigest;
use futures::future::BoxFuture;
use hostler_model::{Failure, KeyInfo};
use jiff::Timestamp;

/// Where API keys are kept. A change is durable when the future yields.
pub(crate) trait KeyStore: Send + Sync + 'static {
    /// All keys, by name.
    fn keys(&self) -> BoxFuture<'_, Result<Vec<(KeyDigest, KeyInfo)>, Failure>>;

    /// Adds a key. False if its name is taken.
    fn add_key<'a>(&'a self, digest: KeyDigest, key: &'a KeyInfo) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Removes a key. False if there is none of that name.
    fn remove_key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Notes when a key was used. Does not wait for the disk.
    fn note_use(&self, name: &str, at: Timestamp);
}
