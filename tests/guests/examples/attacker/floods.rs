//! More than anybody needs, of what costs the host something.

use crate::session;
use hostler_sdk::results::{self, Made};
use hostler_sdk::ssh::Exec;
use hostler_sdk::{Error, Job, log, secrets};

/// Does what the attack is called.
pub(crate) fn attack(attack: &str, job: &Job) -> Result<(), Error> {
    match attack {
        "log-flood" => (0..1_000).for_each(|_| log::error(&"l".repeat(1 << 10))),
        "tell-flood" => (0..1_000).for_each(|_| log::tell(&"t".repeat(1 << 10))),
        "tell-nothing" => (0..10_000).for_each(|_| log::tell("")),
        "long-log" => log::info(&"l".repeat(9 << 20)),
        "log-without-end" => {
            let text = "l".repeat(7 << 20);
            loop {
                log::info(&text);
            }
        }
        "call-flood" => loop {
            drop(secrets::get("no.such"));
        },
        "large-command" => drop(session(job)?.run(&Exec::new(format!("echo {}", "e".repeat(2 << 20))))?),
        "large-details" => drop(session(job)?.run(&Exec::new(format!("echo '{}'", "\"".repeat(600 << 10))))?),
        "kept-commands" => {
            let made = Made { command: "é".repeat(30 << 10), output: vec![], exit_status: None };
            for _ in 0..10 {
                results::keep(&made)?;
            }
            return Err(Error::new("failed", "exec", "It kept all of them."));
        }
        _ => {}
    }
    Ok(())
}
