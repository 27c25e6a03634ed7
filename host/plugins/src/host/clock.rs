//! `clock`: what time it is, and when to go on.

use crate::bindings::{clock, types};
use crate::instance::State;
use hostler_model::Failure;
use jiff::Timestamp;
use std::time::Duration;

impl clock::Host for State {
    async fn now_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(Timestamp::now().as_millisecond())?)
    }

    async fn sleep(&mut self, ms: u32) -> wasmtime::Result<Result<(), types::Error>> {
        let slept = self.sleep_for(Duration::from_millis(ms.into())).await;
        Ok(slept.map_err(|failure| self.tell(&failure)))
    }
}

impl State {
    async fn sleep_for(&mut self, time: Duration) -> Result<(), Failure> {
        let job = self.serving()?;
        tokio::select! {
            biased; // who waits in a loop, however shortly, hears of the end
            failure = job.end() => Err(failure),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}
