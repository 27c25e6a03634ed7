//! Panics in `execute`. Proves that a trap is an error of its own, and that the panic's message is in the log.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Traps;

impl Driver for Traps {
    fn describe() -> Description {
        driver("traps")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        panic!("this guest panics on purpose")
    }
}

hostler_sdk::driver!(Traps);
