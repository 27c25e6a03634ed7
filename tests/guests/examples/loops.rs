//! Runs for ever in `execute`. Proves that the CPU budget ends a guest that never calls the host.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};
use std::hint::black_box;

/// The driver.
pub struct Loops;

impl Driver for Loops {
    fn describe() -> Description {
        driver("loops")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        loop {
            black_box(0);
        }
    }
}

hostler_sdk::driver!(Loops);
