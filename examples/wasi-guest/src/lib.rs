//! The driver `wasi-guest`: says how far a server's clock is from the daemon's.
//!
//! It is built for `wasm32-wasip2` and written as if it were a program: the time and `println!` are those of Rust's
//! standard library, and so could those of any crate be that is used here. The operator has to grant `wasi`, which gives a
//! clock, random numbers and a way to the daemon's log, and neither files nor network nor environment.

mod offset;

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::results::{self, Made};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Session};
use hostler_sdk::{Error, Job, Problem, Request, Target, secrets};
use offset::Offset;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Prints seconds since 1970 with a fraction.
const ASK: &str = "date +%s.%N";

/// The driver.
pub struct WasiGuest;

#[derive(Deserialize, Serialize)]
struct ConnectionArgs {
    host: String,
    #[serde(default = "ssh_port")]
    port: u16,
    username: String,
    #[serde(default = "reject")]
    host_key_policy: String,
}

impl Driver for WasiGuest {
    fn describe() -> Description {
        Description {
            name: "wasi-guest".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Says how far a server's clock is from the daemon's.".into(),
            connection_schema: include_str!("../schemas/connection_args.json").into(),
            driver_schema: r#"{"type": "object", "additionalProperties": false}"#.into(),
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        if request.command.is_some() || request.config.is_some() {
            let message = "This driver knows its only command: leave `command` and `config` out.";
            return Err(vec![Problem::new(["command"], "extra_forbidden", message)]);
        }
        let args: ConnectionArgs = serde_json::from_str(&request.connection_args)
            .map_err(|error| vec![Problem::new(["connection_args"], "value_error", error.to_string())])?;
        Ok(Normalised {
            target: Target { host: args.host.clone(), port: args.port, user: args.username.clone(), jumps: vec![] },
            request: Request {
                connection_args: serde_json::to_string(&args).expect("plain fields have a JSON form"),
                ..request
            },
            warnings: vec![],
        })
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let session = Self::connect(job)?;
        let before = SystemTime::now();
        let run = session.run(&Exec::new(ASK))?;
        let after = SystemTime::now();
        session.close()?;
        let told = String::from_utf8_lossy(&run.stdout);
        let Some(offset) = Offset::new(before, &told, after) else {
            return Err(Error::new("no-time", "exec", format!("`{ASK}` told no time: see what it printed.")));
        };
        println!("asked between {before:?} and {after:?}, and was told {}", told.trim_end());
        let output = serde_json::to_vec(&offset).expect("numbers have a JSON form");
        let run = results::keep(&Made { command: ASK.into(), output, exit_status: run.exit_status })?;
        Ok(vec![Item { command: ASK.into(), run }])
    }

    fn connect(job: Job) -> Result<Session, Error> {
        let args: ConnectionArgs = serde_json::from_str(&job.request.connection_args).map_err(|error| {
            Error::new("invalid-request", "plugin", format!("The arguments were changed: {error}."))
        })?;
        let password = secrets::get("connection_args.password")?;
        let options = ConnectOptions { host_key_policy: args.host_key_policy, ..ConnectOptions::default() };
        Session::connect(&[Authentication::Password(&password)], &[], &options)
    }
}

fn ssh_port() -> u16 {
    22
}

fn reject() -> String {
    "reject".into()
}

hostler_sdk::driver!(WasiGuest);
