//! What tests that run at the same time share, because it is dear to start.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A place for something that ends with the last test that uses it.
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// An empty place.
    #[expect(clippy::new_without_default, reason = "it stands in a `static`")]
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// What is there, or what `start` gives; meanwhile all others wait.
    pub fn get(&self, start: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Arc<T>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }
}
