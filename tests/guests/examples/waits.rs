//! A driver that does what the lines of `command` say with time, chance and what it knows of its job, and keeps what
//! came of each. Proves what the interfaces `clock`, `random` and `control` lend, and that no wait outlives its job.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::results::{self, Made};
use hostler_sdk::{Error, Job, Problem, Request, clock, control, random};
use std::hint::black_box;

/// The driver.
pub struct Waits;

impl Driver for Waits {
    fn describe() -> Description {
        driver("waits")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let slept = clock::sleep(0).map_or_else(|error| error.kind, |()| "yes".into());
        let warnings = vec![
            format!("the clock goes: {}", clock::now_ms() > 0),
            format!("random bytes: {}", random::bytes(7).len()),
            format!("time left: {}, canceled: {}", control::time_left_ms(), control::canceled()),
            format!("slept: {slept}"),
        ];
        Ok(Normalised { warnings, ..accept(request)? })
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        job.request.command.iter().flatten().map(|line| keep(line, answer(line))).collect()
    }
}

fn answer(line: &str) -> Result<String, Error> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, "0"));
    Ok(match verb {
        "now" => clock::now_ms().to_string(),
        "random" => random::bytes(rest.parse().unwrap_or_default())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat(),
        "left" => control::time_left_ms().to_string(),
        "canceled" => control::canceled().to_string(),
        "sleep" => {
            let slept = clock::sleep(rest.parse().unwrap_or_default());
            if slept.is_err() {
                keep("at its end", Ok(format!("{} {}", control::time_left_ms(), control::canceled())))?;
            }
            slept.map(|()| "done".into())?
        }
        _ => loop {
            black_box(random::bytes(u16::MAX));
        },
    })
}

fn keep(line: &str, answer: Result<String, Error>) -> Result<Item, Error> {
    let made = Made { command: line.into(), output: answer?.into_bytes(), exit_status: Some(0) };
    Ok(Item { command: line.into(), run: results::keep(&made)? })
}

hostler_sdk::driver!(Waits);
