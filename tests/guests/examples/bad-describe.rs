//! Describes itself with a name that no request can use, and with schemas that are none. Proves that such
//! a plugin is not put into service, and the daemon says why.

use hostile_guests::accept;
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct BadDescribe;

impl Driver for BadDescribe {
    fn describe() -> Description {
        Description {
            name: "Bad Name\n".into(),
            version: String::new(),
            summary: String::new(),
            connection_schema: r#"{"type": 7}"#.into(),
            driver_schema: "not JSON".into(),
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

hostler_sdk::driver!(BadDescribe);
