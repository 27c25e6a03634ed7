//! Does what `driver_args.attack` says, in the export that the attack is for. Proves, attack by attack, that a driver
//! gets an error of its own and nothing else.

mod calls;
mod files;
mod floods;
mod shells;

use hostile_guests::{accept, connection_args, driver, text};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::secrets::Secret;
use hostler_sdk::ssh::{Authentication, ConnectOptions, Elevation, Exec, Key, Session};
use hostler_sdk::{Error, Hop, Job, Problem, Request, log, secrets};
use serde_json::{Map, Value};
use std::hint::black_box;

/// The driver.
pub struct Attacker;

impl Driver for Attacker {
    fn describe() -> Description {
        Description {
            connection_schema: r#"{"type": "object"}"#.into(),
            driver_schema: r#"{"type": "object", "properties": {
                "attack": {"type": "string"}, "pin": {"type": "string", "writeOnly": true},
                "calls": {"type": "array"}, "function": {"type": "string"}, "path": {"type": "string"}
            }}"#
            .into(),
            ..driver("attacker")
        }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let attack = attack(&request);
        computes(attack.strip_prefix("validate-").unwrap_or_default());
        let mut normalised = accept(request)?;
        match attack.as_str() {
            "validate-secret" => {
                return Err(vec![problem(
                    &secrets::get("connection_args.password")
                        .map_or_else(|error| error.kind, |_| "it got the secret".into()),
                )]);
            }
            "validate-connect" => {
                return Err(vec![problem(
                    &Session::connect(&[], &[], &ConnectOptions::default())
                        .map_or_else(|error| error.kind, |_| "it got a session".into()),
                )]);
            }
            "validate-not-json" => normalised.request.connection_args = "{".into(),
            "validate-list" => normalised.request.driver_args = "[]".into(),
            "validate-no-host" => normalised.target.host.clear(),
            "validate-no-port" => normalised.target.port = 0,
            "validate-no-hop" => {
                normalised.target.jumps.push(Hop { host: String::new(), port: 22, user: "a".into() });
            }
            "validate-warnings" => normalised.warnings = vec!["w".repeat(1 << 10); 1 << 14],
            "validate-problems" => return Err(vec![problem(&"p".repeat(1 << 10)); 1 << 14]),
            "validate-elsewhere" => normalised.target.host = "192.0.2.66".into(),
            _ => {}
        }
        Ok(normalised)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let attack = attack(&job.request);
        computes(&attack);
        match attack.as_str() {
            "missing-run" => return Ok(vec![Item { command: "never".into(), run: 7 }]),
            "one-run-twice" => {
                let run = shells::keep(1 << 10)?.run;
                return Ok(vec![Item { command: "i".into(), run }; 2]);
            }
            "many-items" => return Ok(vec![Item { command: "i".repeat(1 << 10), run: 0 }; 1 << 14]),
            "long-error" => return Err(Error::new("k".repeat(1 << 10), "p", "m".repeat(9 << 20))),
            "odd-error" => return Err(Error::new("Ä\n\u{1b}[31m", "no-phase", "\u{0}\r\n")),
            "many-sessions" => {
                let open: Result<Vec<_>, _> = (0..100).map(|_| session(&job)).collect();
                open.map(drop)?;
            }
            "password-as-key" => login_with("connection_args.password", as_key)?,
            "pin-as-password" => login_with("driver_args.pin", as_password)?,
            "jump-password-here" => login_with("connection_args.proxy_password", as_password)?,
            "key-as-password" => login_with("connection_args.pkey", as_password)?,
            "pin-for-sudo" => {
                let pin = secrets::get("driver_args.pin")?;
                let elevate = Some(Elevation { user: "root".into(), password: Some(&pin) });
                session(&job)?.run(&Exec { elevate, ..Exec::new("id") })?;
            }
            "forged-session" => drop(unsafe_session(0xffff).run(&Exec::new("id"))?),
            "secret-as-session" => {
                let secret = secrets::get("connection_args.password")?;
                drop(unsafe_session(secret.handle()).run(&Exec::new("id"))?);
            }
            "closed-session" => {
                let session = session(&job)?;
                session.close()?;
                session.close()?;
                session.run(&Exec::new("id"))?;
            }
            "many-methods" => {
                let methods: Vec<_> = (0..1_000_000).map(|_| Authentication::Agent).collect();
                Session::connect(&methods, &[], &ConnectOptions::default())?;
            }
            "odd-policy" => {
                Session::connect(&[], &[], &ConnectOptions { host_key_policy: "trust-me".into(), ..no_record() })?;
            }
            "many-runs" => {
                let session = session(&job)?;
                for _ in 0..100 {
                    session.run(&Exec::new("true"))?;
                }
            }
            "denied-again-and-again" => {
                let session = session(&job)?;
                for _ in 0..1_000 {
                    drop(session.run(&Exec::new("rm -rf /")));
                }
            }
            "stdin" => drop(session(&job)?.run(&Exec { stdin: Some(b"rm -rf /".to_vec()), ..Exec::new("sh") })?),
            "answers" => {
                let answers = vec![("?".into(), "yes".into())];
                session(&job)?.run(&Exec { answers, ..Exec::new("id") })?;
            }
            "pty" => drop(session(&job)?.run(&Exec { pty: true, ..Exec::new("id") })?),
            "elevate" => {
                let elevate = Some(Elevation { user: "root".into(), password: None });
                session(&job)?.run(&Exec { elevate, ..Exec::new("id") })?;
            }
            "odd-variable" => {
                let environment = vec![("LC_A=B\n; rm -rf /".into(), "x".into())];
                session(&job)?.run(&Exec { environment, ..Exec::new("id") })?;
            }
            "odd-folder" => {
                let working_directory = Some("/tmp\0/x".into());
                session(&job)?.run(&Exec { working_directory, ..Exec::new("id") })?;
            }
            "run" => {
                let session = session(&job)?;
                let commands = job.request.command.unwrap_or_default();
                let run = |command: &String| {
                    let run = session.run(&Exec::new(command.as_str()))?;
                    Ok(Item { command: command.clone(), run: run.id })
                };
                return commands.iter().map(run).collect();
            }
            "kept-large" => return (0..10).map(|_| shells::keep(4 << 20)).collect(),
            "call" => {
                let args: Map<String, Value> = serde_json::from_str(&job.request.driver_args).unwrap_or_default();
                calls::make(&text(&args, "function"), &text(&args, "path"), &job)?;
            }
            _ => {
                floods::attack(&attack, &job)?;
                shells::attack(&attack, &job)?;
                files::attack(&attack, &job)?;
            }
        }
        Ok(vec![])
    }
}

/// What needs nobody but the guest itself.
fn computes(attack: &str) {
    match attack {
        "loop" => loop {
            black_box(attack);
        },
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurse" => drop(black_box(recurse(0))),
        "trap" => panic!("it gives up"),
        _ => {}
    }
}

fn recurse(depth: u64) -> u64 {
    black_box(depth) + if depth == u64::MAX { 0 } else { recurse(black_box(depth + 1)) }
}

fn login_with(path: &str, method: impl for<'a> Fn(&'a Secret) -> Authentication<'a>) -> Result<(), Error> {
    let secret = secrets::get(path)?;
    Session::connect(&[method(&secret)], &[], &no_record()).map(drop)
}

fn as_key(text: &Secret) -> Authentication<'_> {
    Authentication::Key(Key { text, passphrase: None, certificate: None })
}

fn as_password(secret: &Secret) -> Authentication<'_> {
    Authentication::Password(secret)
}

fn session(job: &Job) -> Result<Session, Error> {
    let password = secrets::get("connection_args.password")?;
    let user = text(&connection_args(&job.request), "username");
    log::debug(&format!("logging in as {user}"));
    Session::connect(&[Authentication::Password(&password)], &[], &no_record())
}

fn no_record() -> ConnectOptions {
    ConnectOptions { host_key_policy: "warning".into(), ..ConnectOptions::default() }
}

/// A handle that the host never gave for a session.
#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn unsafe_session(handle: u32) -> Session {
    unsafe { Session::from_handle(handle) }
}

fn attack(request: &Request) -> String {
    let args: Map<String, Value> = serde_json::from_str(&request.driver_args).unwrap_or_default();
    text(&args, "attack")
}

fn problem(message: &str) -> Problem {
    Problem::new(["driver_args", "attack"], "value_error", message)
}

hostler_sdk::driver!(Attacker);
