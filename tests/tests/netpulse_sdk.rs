//! `NetPulse`'s own client, `netpulse-sdk` 0.4.0 as `PyPI` has it, at the paths without a prefix: the tests are in
//! `tests/netpulse/acceptance.py`.

use crate::{daemon, shared_daemon};
use hostler_tests::{Daemon, Python, Sshd};
use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/netpulse");

/// Runs one of the tests.
fn accepts(test: &str) -> anyhow::Result<()> {
    accepts_at(&*shared_daemon()?, test)
}

/// Runs one of the tests against this daemon.
fn accepts_at(daemon: &Daemon, test: &str) -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "netpulse-sdk", &format!("{FOLDER}/requirements.txt"))?;
    let given = json!({
        "address": daemon.address(),
        "key": Daemon::KEY,
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::USER,
            "password": Sshd::PASSWORD
        },
    });
    python.run(&format!("{FOLDER}/acceptance.py"), &[test], &given.to_string())?;
    Ok(())
}

#[test]
fn it_finds_the_daemon_and_a_wrong_key_is_its_auth_error() -> anyhow::Result<()> {
    accepts("ping")
}

#[test]
fn it_runs_a_command() -> anyhow::Result<()> {
    accepts("one_command")
}

#[test]
fn it_sees_which_command_failed() -> anyhow::Result<()> {
    accepts("commands_that_fail")
}

#[test]
fn it_names_the_devices_of_a_bulk_and_tries_what_failed_once_more() -> anyhow::Result<()> {
    accepts("bulk")
}

#[test]
fn it_shows_that_a_password_is_wrong() -> anyhow::Result<()> {
    accepts("wrong_password")
}

#[test]
fn it_gets_root_by_sudo_and_stops_at_the_first_failure() -> anyhow::Result<()> {
    accepts("sudo")
}

#[test]
fn it_runs_a_script_and_answers_prompts() -> anyhow::Result<()> {
    accepts("script")
}

#[test]
fn it_uploads_and_downloads() -> anyhow::Result<()> {
    accepts("files")
}

#[test]
fn it_tails_and_stops_what_is_detached() -> anyhow::Result<()> {
    accepts("detached")
}

#[test]
fn it_discovers_what_is_detached() -> anyhow::Result<()> {
    accepts("discovered")
}

#[test]
fn it_lists_and_cancels_jobs_and_workers() -> anyhow::Result<()> {
    // It cancels all jobs of its host that take turns.
    accepts_at(&daemon()?, "jobs_and_workers")
}

#[test]
fn it_tests_connections() -> anyhow::Result<()> {
    accepts("tests")
}

#[test]
fn it_renders_and_parses() -> anyhow::Result<()> {
    accepts("templates")
}

#[test]
fn it_says_what_is_wrong_with_a_request() -> anyhow::Result<()> {
    accepts("bad_input")
}

#[test]
fn it_never_sees_a_job_that_has_ended_without_a_result() -> anyhow::Result<()> {
    accepts("no_torn_reads")
}
