//! Counts its own calls and says so. Proves that no instance serves twice.

use hostile_guests::{accept, driver, survived};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// The driver.
pub struct Remembers;

impl Driver for Remembers {
    fn describe() -> Description {
        CALLS.fetch_add(1, Ordering::Relaxed);
        driver("remembers")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed);
        let normalised = accept(request)?;
        Ok(Normalised { warnings: vec![format!("calls before: {calls}")], ..normalised })
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        match CALLS.load(Ordering::Relaxed) {
            0 => Ok(vec![]),
            _ => Err(survived()),
        }
    }
}

hostler_sdk::driver!(Remembers);
