//! The built-in driver `paramiko`: commands on Linux servers over SSH, and files to and from them, asked as the
//! document of `NetPulse`'s Paramiko driver says.

mod arguments;
mod execution;
mod going_on;
mod moving;
mod transfer;
mod validation;

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::Session;
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Paramiko;

impl Driver for Paramiko {
    fn describe() -> Description {
        Description {
            name: "paramiko".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Runs commands on Linux servers over SSH, and moves files.".into(),
            connection_schema: include_str!("../schemas/connection_args.json").into(),
            driver_schema: include_str!("../schemas/driver_args.json").into(),
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        validation::validate(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        execution::execute(&job.request)
    }

    fn connect(job: Job) -> Result<Session, Error> {
        execution::connect(&job.request, false)
    }
}

hostler_sdk::driver!(Paramiko);
