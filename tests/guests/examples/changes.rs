//! Says which version of itself validates a job, and which carries it out. The tests make other versions of it: they
//! write other digits over those of [`VERSION`]. It acts on no server.

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request, Target, log};
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
        let target = Target { host: "localhost".into(), port: 22, user: "nobody".into(), jumps: vec![] };
        Ok(Normalised { target, request, warnings: vec![version().into()] })
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        log::tell(version());
        Ok(vec![])
    }
}

hostler_sdk::driver!(Changes);
