//! Allocates without end. Proves that the memory limit ends a guest, and the daemon's memory stays as it was.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};
use std::hint::black_box;

/// The driver.
pub struct Allocates;

impl Driver for Allocates {
    fn describe() -> Description {
        driver("allocates")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        let mut hoard = Vec::new();
        loop {
            hoard.push(black_box(vec![1_u8; 1 << 20]));
        }
    }
}

hostler_sdk::driver!(Allocates);
