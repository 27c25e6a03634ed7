//! Panics where the command says so. Proves that a driver which failed too often is called again once it behaves.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Moody;

impl Driver for Moody {
    fn describe() -> Description {
        driver("moody")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let panics = job.request.command.iter().flatten().any(|line| line == "panic");
        assert!(!panics, "this guest panics on request");
        Err(Error::new("as-asked", "exec", "It is an error that the driver answers."))
    }
}

hostler_sdk::driver!(Moody);
