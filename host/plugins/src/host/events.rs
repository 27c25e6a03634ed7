//! `events`: what a guest has to say.

use crate::bindings::events;
use crate::instance::State;

/// What a message takes besides its text, in bytes: who says nothing without end fills the log as well.
const MESSAGE: usize = 64;

impl events::Host for State {
    async fn log(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        if self.may_say(&message) {
            self.write(&level, &message);
        }
        Ok(())
    }

    async fn tell(&mut self, message: String) -> wasmtime::Result<()> {
        if self.may_say(&message) {
            match &self.job {
                Some(job) => job.warn([job.scrubber.text(&message)]),
                None => self.write("warn", &message),
            }
        }
        Ok(())
    }
}

impl State {
    /// Takes a message from the budget, if it still fits.
    fn may_say(&mut self, message: &str) -> bool {
        if let Some(left) = self.log_left.checked_sub(message.len().saturating_add(MESSAGE)) {
            self.log_left = left;
            return true;
        }
        if self.log_left > 0 {
            self.log_left = 0;
            tracing::warn!(
                plugin = &*self.terms.name,
                limit = self.terms.limits.log,
                "the plugin's log is full; more is dropped"
            );
        }
        false
    }

    fn write(&self, level: &str, message: &str) {
        let job = self.job.as_ref().map(|job| tracing::field::display(job.docket.job));
        let (plugin, message) = (&*self.terms.name, self.scrub(message));
        match level {
            "error" => tracing::error!(plugin, job, "{message}"),
            "warn" => tracing::warn!(plugin, job, "{message}"),
            "debug" => tracing::debug!(plugin, job, "{message}"),
            "trace" => tracing::trace!(plugin, job, "{message}"),
            _ => tracing::info!(plugin, job, "{message}"),
        }
    }
}
