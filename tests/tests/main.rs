//! The whole daemon, asked through HTTP, against Debian's OpenSSH.

mod bad_input;
mod examples;
mod failures;
mod hostile;
mod jump_hosts;
mod secrets;

use hostler_tests::{Daemon, Setup};

/// What differs between tests is set by the caller.
const SETUP: Setup =
    Setup { program: env!("CARGO_BIN_EXE_hostler-under-test"), config: "", plugins: &[], log: "hostler=debug,info" };

/// A daemon with its default configuration.
fn daemon() -> anyhow::Result<Daemon> {
    Daemon::start(&SETUP)
}
