//! Runs for ever in `validate`, but for the daemon's self-test, which has no command. Proves that a request is answered
//! although its driver never does.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};
use std::hint::black_box;

/// The driver.
pub struct LoopsInValidate;

impl Driver for LoopsInValidate {
    fn describe() -> Description {
        driver("loops-in-validate")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        while request.command.is_some() {
            black_box(&request);
        }
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

hostler_sdk::driver!(LoopsInValidate);
