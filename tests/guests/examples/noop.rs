//! The smallest driver that can be. Shows what an instance and its calls cost, without what is done in them.

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request, Target};

/// The driver.
pub struct Noop;

impl Driver for Noop {
    fn describe() -> Description {
        Description {
            name: "noop".into(),
            version: "0.1.0".into(),
            summary: "Does nothing.".into(),
            connection_schema: "{}".into(),
            driver_schema: "{}".into(),
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let target = Target { host: "localhost".into(), port: 22, user: "nobody".into(), jumps: vec![] };
        Ok(Normalised { target, request, warnings: vec![] })
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

hostler_sdk::driver!(Noop);
