//! `random`: what nobody can foresee.

use crate::bindings::random;
use crate::instance::State;

impl random::Host for State {
    async fn bytes(&mut self, count: u16) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; count.into()];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}
