//! Traps in `validate`, whatever it is asked. Proves that such a driver does not go into service.

use hostile_guests::driver;
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct TrapsInValidate;

impl Driver for TrapsInValidate {
    fn describe() -> Description {
        driver("traps-in-validate")
    }

    fn validate(_request: Request) -> Result<Normalised, Vec<Problem>> {
        panic!("validate is of no use")
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

hostler_sdk::driver!(TrapsInValidate);
