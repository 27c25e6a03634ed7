//! Opens 10,000 handles of one secret and keeps them. Proves that open handles are limited, with an error that
//! the guest can see.

use hostile_guests::{accept, driver, survived};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request, secrets};

/// The driver.
pub struct OpensHandles;

impl Driver for OpensHandles {
    fn describe() -> Description {
        driver("opens-handles")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        let handles: Result<Vec<_>, _> = (0..10_000).map(|_| secrets::get("connection_args.password")).collect();
        handles.map(drop)?;
        Err(survived())
    }
}

hostler_sdk::driver!(OpensHandles);
