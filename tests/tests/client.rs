//! The command line over HTTP, against the real daemon: `hostler run` and the verbs beside it.

use crate::{SETUP, shared_daemon};
use anyhow::ensure;
use hostler_tests::{Daemon, Sshd, sleepers_become, unique_nap};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Somebody who types.
struct Typist<'a> {
    daemon: &'a Daemon,
    folder: TempDir,
}

impl<'a> Typist<'a> {
    fn new(daemon: &'a Daemon) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("password"), Sshd::PASSWORD)?;
        Ok(Self { daemon, folder })
    }

    fn line(&self, words: &[&str]) -> Command {
        let mut line = Command::new(SETUP.program);
        line.env_clear().env("HOSTLER_URL", self.daemon.address()).env("HOSTLER_API_KEY", Daemon::KEY).args(words);
        line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        line
    }

    /// `hostler run`, with the password in a file.
    fn run(&self, hosts: &[String], command: &str, more: &[&str]) -> Command {
        let mut line = self.line(&["run", "--user", Sshd::USER, "--password-file"]);
        line.arg(self.folder.path().join("password")).args(more).args(hosts).args(["--", command]);
        line
    }

    fn typed(&self, words: &[&str]) -> anyhow::Result<Output> {
        Ok(self.line(words).output()?)
    }
}

/// What it ended with, and what it wrote.
fn read(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The server as a host that can be typed.
fn host(sshd: &Sshd) -> String {
    format!("127.0.0.1:{}", sshd.port())
}

#[test]
fn one_host_is_run_as_with_ssh() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let typist = Typist::new(&daemon)?;
    let command = "printf 'a\\000b'; echo oh >&2; exit 42";
    let ended = typist.run(&[host(&sshd)], command, &[]).output()?;
    assert_eq!(read(&ended), (Some(42), "a\0b".into(), "oh\n".into()));
    let ended = typist.run(&[host(&sshd)], "kill -KILL $$", &[]).output()?;
    assert_eq!(ended.status.code(), Some(128 + 9));
    let ended = typist.run(&[format!("{}@{}", Sshd::NOSUDO, host(&sshd))], "true", &["--sudo"]).output()?;
    let (code, _, errors) = read(&ended);
    assert_eq!(code, Some(254), "{errors}");
    assert!(errors.contains("elevation-failed"), "{errors}");
    Ok(())
}

#[test]
fn fifty_hosts_are_followed_to_their_ends() -> anyhow::Result<()> {
    // One server can listen at no more than 16 addresses.
    let addresses: Vec<String> = (1..=10).map(|last| format!("127.0.1.{last}")).collect();
    let options: Vec<String> = addresses.iter().map(|address| format!("ListenAddress={address}")).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).chain(["MaxStartups=200"]).collect();
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&options)?);
    let typist = Typist::new(&daemon)?;
    let hosts: Vec<String> =
        addresses.iter().cycle().take(50).map(|address| format!("{address}:{}", sshd.port())).collect();
    let command = "seq 3; case \"$SSH_CONNECTION\" in *' 127.0.1.3 '*) exit 7;; esac";
    let (code, lines, errors) = read(&typist.run(&hosts, command, &[]).output()?);
    assert_eq!(code, Some(1), "{errors}");
    for host in &hosts[..10] {
        let of_host = lines.lines().filter_map(|line| line.split_once(" | ")).filter(|(name, _)| name.trim() == host);
        let mut numbers: Vec<&str> = of_host.map(|(_, line)| line).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "3", "3", "3", "3", "3"], "{lines}");
    }
    assert!(errors.contains("50 hosts: 45 well, 5 with another exit code, 0 failed"), "{errors}");
    Ok(())
}

#[test]
fn ctrl_c_ends_the_processes_on_the_servers() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let typist = Typist::new(&daemon)?;
    let nap = unique_nap();
    let hosts = [host(&sshd), format!("localhost:{}", sshd.port())];
    let running = typist.run(&hosts, &format!("sleep {nap}"), &[]).spawn()?;
    ensure!(sleepers_become(2, &nap, Duration::from_secs(20)), "they do not run");
    ensure!(Command::new("kill").args(["-INT", &running.id().to_string()]).status()?.success(), "it has ended");
    let (code, _, errors) = read(&running.wait_with_output()?);
    assert_eq!(code, Some(130), "{errors}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(5)), "they still run on the server");
    assert_eq!(errors.matches(": canceled: ").count(), 2, "{errors}");
    Ok(())
}

#[test]
fn a_job_that_was_left_alone_is_found_read_and_cancelled() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let typist = Typist::new(&daemon)?;
    let nap = unique_nap();
    let command = format!("echo begun; echo ill >&2; sleep {nap}");
    let (code, id, errors) = read(&typist.run(&[host(&sshd)], &command, &["--detach"]).output()?);
    assert_eq!(code, Some(0), "{errors}");
    let id = id.trim();
    ensure!(sleepers_become(1, &nap, Duration::from_secs(20)), "it does not run");

    let (_, listed, errors) = read(&typist.typed(&["jobs", "--state=started", "--limit=1000", "--json"])?);
    let listed: Value = serde_json::from_str(&listed)?;
    let found = listed["jobs"].as_array().is_some_and(|jobs| jobs.iter().any(|job| job["id"] == id));
    assert!(found, "{listed} {errors}");

    let following = typist.line(&["output", id, "--follow"]).spawn()?;
    let (code, told, errors) = read(&typist.typed(&["cancel", id])?);
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.starts_with(&format!("{id} canceled: ")), "{told}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(5)), "it still runs on the server");
    assert_eq!(read(&following.wait_with_output()?), (Some(0), "begun\n".into(), String::new()));
    assert_eq!(read(&typist.typed(&["output", id, "--stderr"])?), (Some(0), "ill\n".into(), String::new()));

    let (_, shown, errors) = read(&typist.typed(&["jobs", "show", id])?);
    assert!(shown.contains("state") && shown.contains("canceled"), "{shown} {errors}");
    Ok(())
}

#[test]
fn following_what_never_began_ends() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let typist = Typist::new(&daemon)?;
    fs::write(typist.folder.path().join("password"), "not the password")?;
    let (_, id, errors) = read(&typist.run(&[host(&sshd)], "true", &["--detach"]).output()?);
    let path = format!("/v1/jobs/{}", id.trim());
    let ended = daemon.get(&format!("{path}?wait=60"))?;
    ensure!(ended.body["error"]["phase"] == "auth", "{} {errors}", ended.text);
    let told = daemon.get(&format!("{path}/output?wait=30"))?;
    ensure!(told.headers.contains(r#""output-total": "0""#), "its client would ask for ever: {}", told.headers);
    assert_eq!(read(&typist.typed(&["output", id.trim(), "--follow"])?), (Some(0), String::new(), String::new()));
    Ok(())
}

#[test]
fn the_words_can_be_completed() -> anyhow::Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Command::new(SETUP.program).args(["completions", shell]).output()?;
        let (code, script, errors) = read(&ended);
        assert_eq!(code, Some(0), "{errors}");
        assert!(script.contains("password-file"), "{shell}");
    }
    Ok(())
}
