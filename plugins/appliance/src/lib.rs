//! The driver `appliance`: speaks to the command line of a network appliance as a person would, over an
//! interactive session. It waits for prompts, enables, turns pages, configures and saves.

mod arguments;
mod cli;
mod execution;
mod prompt;
mod refusal;
mod text;
mod validation;

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::Session;
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Appliance;

impl Driver for Appliance {
    fn describe() -> Description {
        Description {
            name: "appliance".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Speaks to the command lines of network appliances.".into(),
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

hostler_sdk::driver!(Appliance);
