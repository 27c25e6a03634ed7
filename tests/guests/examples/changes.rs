//! Says which version of itself validates a job, and which carries it out. The tests make other versions of it: they
//! write other digits over those of [`VERSION`]. It acts on no server.

use hostile_guests::accept;
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request, log};
use std::hint::black_box;

const VERSION: &str = "version 00";

/// The driver.
pub struct Changes;

/// Out of the compiler's sight, so that it does not write the digits into its code.
fn version() -> &'static str {
    black_box(VERSION)
}

impl Driver for Changes {
    fn describe() -> Description {
        Description {
            name: "changes".into(),
            version: version().into(),
            summary: "Says which version it is.".into(),
            connection_schema: "{}".into(),
            driver_schema: "{}".into(),
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        Ok(Normalised { warnings: vec![version().into()], ..accept(request)? })
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        log::tell(version());
        Ok(vec![])
    }
}

hostler_sdk::driver!(Changes);
