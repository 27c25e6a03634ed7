//! The whole daemon, asked through HTTP, against Debian's OpenSSH.

mod appliance;
mod attacks;
mod authoring;
mod authoring_run;
mod bad_input;
mod breaker;
mod callers;
mod client;
mod commands;
mod connections;
mod crashes;
mod credentials;
mod cuts;
mod detached;
mod dialogue;
mod elevation;
mod engine;
mod events;
mod examples;
mod failures;
mod files;
mod frozen;
mod generated;
mod handles;
mod host_keys;
mod hostile;
mod job;
mod jump_hosts;
mod languages;
mod legacy;
mod life_cycle;
mod netpulse_sdk;
mod pages;
mod parameters;
mod pushes;
mod references;
mod restarts;
mod roots;
mod secrets;
mod shells;
mod staged;
mod textfsm;
mod transfers;
mod waits;
mod watching;
mod webhooks;

use hostler_tests::{Daemon, Setup, Shared};
use std::sync::Arc;

/// What differs between tests is set by the caller.
const SETUP: Setup = Setup {
    program: env!("CARGO_BIN_EXE_hostler-under-test"),
    config: "",
    plugins: &[],
    unsigned: true,
    log: "hostler=debug,info",
    local: false,
};

/// A daemon with its default configuration.
fn daemon() -> anyhow::Result<Daemon> {
    Daemon::start(&SETUP)
}

/// One with its default configuration that tests running at the same time share: to start one takes seconds.
fn shared_daemon() -> anyhow::Result<Arc<Daemon>> {
    static SHARED: Shared<Daemon> = Shared::new();
    SHARED.get(daemon)
}
