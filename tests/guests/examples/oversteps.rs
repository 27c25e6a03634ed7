//! Asks for what it may not have: a session and a secret while it validates, and a login that uses the password as
//! a key. Proves that capabilities work in `execute` only, and that a secret is bound to its use.

use hostile_guests::{accept, driver, survived};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Key, Session};
use hostler_sdk::{Error, Job, Problem, Request, secrets};

/// The driver.
pub struct Oversteps;

impl Driver for Oversteps {
    fn describe() -> Description {
        driver("oversteps")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let secret = secrets::get("connection_args.password").map(drop);
        let session = Session::connect(&[], &[], &ConnectOptions::default()).map(drop);
        let mut normalised = accept(request)?;
        for (what, answer) in [("secret", secret), ("session", session)] {
            let answer = answer.map_or_else(|error| error.kind, |()| "granted".into());
            normalised.warnings.push(format!("{what} in validate: {answer}"));
        }
        Ok(normalised)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        let password = secrets::get("connection_args.password")?;
        let as_key = Authentication::Key(Key { text: &password, passphrase: None, certificate: None });
        Session::connect(&[as_key], &[], &ConnectOptions::default())?;
        Err(survived())
    }
}

hostler_sdk::driver!(Oversteps);
