//! `events`: what a guest has to say.

use crate::bindings::events;
use crate::instance::State;

impl events::Host for State {
    async fn log(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        let Some(left) = self.log_left.checked_sub(message.len()) else {
            if self.log_left > 0 {
                self.log_left = 0;
                tracing::warn!(
                    plugin = &*self.plugin,
                    limit = self.limits.log,
                    "the plugin's log is full; more is dropped"
                );
            }
            return Ok(());
        };
        self.log_left = left;
        let job = self.job.as_ref().map(|job| tracing::field::display(job.id));
        let (plugin, message) = (&*self.plugin, self.scrub(&message));
        match level.as_str() {
            "error" => tracing::error!(plugin, job, "{message}"),
            "warn" => tracing::warn!(plugin, job, "{message}"),
            "debug" => tracing::debug!(plugin, job, "{message}"),
            "trace" => tracing::trace!(plugin, job, "{message}"),
            _ => tracing::info!(plugin, job, "{message}"),
        }
        Ok(())
    }
}
