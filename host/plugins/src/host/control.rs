//! `control`: how the guest's job stands.

use crate::bindings::control;
use crate::instance::State;

impl control::Host for State {
    async fn time_left_ms(&mut self) -> wasmtime::Result<u64> {
        let left = self.job.as_ref().map(|job| job.time_left()).unwrap_or_default();
        Ok(u64::try_from(left.as_millis())?)
    }

    async fn canceled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.job.as_ref().is_some_and(|job| job.cancel.is_cancelled()))
    }
}
