//! Returns arguments that are not JSON from `validate`. Proves that the host checks what a plugin returns.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct WrongJson;

impl Driver for WrongJson {
    fn describe() -> Description {
        driver("wrong-json")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let mut normalised = accept(request)?;
        normalised.request.connection_args = "{ not JSON".into();
        normalised.request.driver_args = "[]".into();
        Ok(normalised)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

hostler_sdk::driver!(WrongJson);
