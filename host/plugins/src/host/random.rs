//! `random`: what nobody can foresee.

use crate::bindings::random;
use crate::instance::State;
use tokio::task::yield_now;

impl random::Host for State {
    async fn bytes(&mut self, count: u16) -> wasmtime::Result<Vec<u8>> {
        // The time that it takes is not the guest's: however often it asks, others have their turn, and the job its end.
        yield_now().await;
        let mut bytes = vec![0; count.into()];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}
