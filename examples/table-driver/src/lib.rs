//! The driver `table-driver`: runs commands that print tables, and gives their rows back as JSON.
//!
//! What to look at: [`table`] knows nothing of plugins and is tested with recorded output; [`execution`] asks the daemon;
//! [`validation`] says what the schemas cannot.

mod arguments;
mod execution;
mod table;
mod validation;

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::Session;
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct TableDriver;

impl Driver for TableDriver {
    fn describe() -> Description {
        Description {
            name: "table-driver".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Gives the tables that commands print back as JSON.".into(),
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
        execution::connect(&job.request)
    }
}

hostler_sdk::driver!(TableDriver);
