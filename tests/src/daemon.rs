//! The real daemon as a child process, and a small HTTP client for it.

use crate::Following;
use crate::compiled::Compiled;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;
use ureq::http::{Method, Request};
use ureq::{Agent, AsSendBody, Body};

/// What precedes the address in the daemon's log.
const LISTENING: &str = "listening on ";

/// How to start a daemon.
pub struct Setup<'a> {
    /// The binary.
    pub program: &'a str,
    /// Its configuration file (TOML).
    pub config: &'a str,
    /// Files to put into its plugins folder, by name.
    pub plugins: &'a [(&'a str, &'a [u8])],
    /// Whether it loads plugins that nobody signed.
    pub unsigned: bool,
    /// What it logs, as `RUST_LOG` says it.
    pub log: &'a str,
    /// Whether it sees a folder `/local`, which this machine need not have: see [`Daemon::local`].
    pub local: bool,
}

/// A running daemon with a data directory of its own, on a port of its own.
pub struct Daemon {
    child: Child,
    log: Option<JoinHandle<String>>,
    folder: Arc<TempDir>,
    compiled: Arc<Compiled>,
    address: String,
    agent: Agent,
}

impl Daemon {
    /// The key that requests need.
    pub const KEY: &str = "key-of-the-integration-tests";

    /// Starts a daemon and waits until it listens.
    pub fn start(setup: &Setup) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("hostler-data-")?;
        let plugins = folder.path().join("data/plugins");
        fs::create_dir_all(&plugins)?;
        for (name, component) in setup.plugins {
            fs::write(plugins.join(name), component)?;
        }
        let (data, compiled) = (folder.path().join("data"), Compiled::shared()?);
        compiled.lend(&data)?;
        let daemon = Self::start_in(Arc::new(folder), &compiled, setup)?;
        compiled.take(&data)?;
        Ok(daemon)
    }

    /// Kills it, if that has not happened yet, and starts another one with the same data directory, as it is.
    pub fn restart_killed(mut self, setup: &Setup) -> anyhow::Result<Self> {
        self.child.kill()?;
        self.child.wait()?;
        Self::start_in(Arc::clone(&self.folder), &self.compiled, setup)
    }

    /// Ends it, and starts another one with the same data directory, as it is.
    pub fn restart(mut self, setup: &Setup) -> anyhow::Result<Self> {
        self.end()?;
        Self::start_in(Arc::clone(&self.folder), &self.compiled, setup)
    }

    fn start_in(folder: Arc<TempDir>, compiled: &Arc<Compiled>, setup: &Setup) -> anyhow::Result<Self> {
        let data = folder.path().join("data");
        let config = folder.path().join("hostler.toml");
        fs::write(&config, setup.config)?;
        let local = folder.path().join("local");
        let mut command = if setup.local { beside(&local, setup.program)? } else { Command::new(setup.program) };
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .args([&data, Path::new("--config"), &config])
            .env_clear()
            .env("HOSTLER_API_KEY", Self::KEY)
            .env("HOSTLER_LOG", setup.log)
            .env("HOSTLER_PLUGINS__UNSIGNED", setup.unsigned.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", setup.program))?;
        let errors = child.stderr.take().context("its log is piped")?;
        let (found, address) = mpsc::channel();
        let log = thread::spawn(move || collect(errors, &found));
        let Ok(address) = address.recv() else {
            child.wait()?;
            bail!("the daemon ended at once:\n{}", log.join().unwrap_or_default());
        };
        let agent = Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build();
        Ok(Self { child, log: Some(log), folder, compiled: Arc::clone(compiled), address, agent: agent.into() })
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it sees as `/local`, as this process sees it.
    pub fn local(&self) -> PathBuf {
        self.folder.path().join("local")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request with the key.
    pub fn send(&self, method: Method, path: &str, body: &str) -> anyhow::Result<Answer> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        let request = request.header("X-API-KEY", Self::KEY).header("Content-Type", "application/json");
        self.send_as_it_is(request.body(body.to_owned())?)
    }

    /// Sends a request that the caller made.
    pub fn send_as_it_is(&self, request: Request<impl AsSendBody>) -> anyhow::Result<Answer> {
        Answer::read(self.agent.run(request)?)
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, "")
    }

    /// `POST /device/execute`.
    pub fn execute(&self, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, "/device/execute", &body.to_string())
    }

    /// Submits a job, waits for its end, and answers it as `/v1/jobs/{id}` shows it.
    pub fn run(&self, body: &Value) -> anyhow::Result<Value> {
        let submitted = self.execute(body)?;
        ensure!(submitted.status == 201, "the job was not accepted: {} {}", submitted.status, submitted.text);
        self.wait(submitted.job()?)
    }

    /// Waits for the end of a job.
    pub fn wait(&self, id: &str) -> anyhow::Result<Value> {
        let job = self.get(&format!("/v1/jobs/{id}?wait=60"))?;
        ensure!(job.status == 200, "the job cannot be read: {} {}", job.status, job.text);
        ensure!(!job.body["ended_at"].is_null(), "the job did not end within a minute: {}", job.text);
        Ok(job.body)
    }

    /// Follows a job, from its first event on or from the one after `last`.
    pub fn follow(&self, id: &str, last: Option<u64>) -> anyhow::Result<Following> {
        Following::start(&self.agent, &self.address, id, last)
    }

    /// Ends the daemon as a service manager would, and answers all that it logged. The data
    /// directory stays until this is dropped.
    pub fn end(&mut self) -> anyhow::Result<String> {
        let signal = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(signal.success(), "the daemon had ended before it was asked to");
        let status = self.child.wait()?;
        let log = self.log.take().and_then(|log| log.join().ok()).context("the daemon was ended twice")?;
        ensure!(status.success(), "the daemon ended with {status}:\n{log}");
        Ok(log)
    }
}

/// Has a program run where a folder of ours is `/local`: see `tests/fleet/top`. It becomes the same process.
fn beside(local: &Path, program: &str) -> anyhow::Result<Command> {
    let root = local.with_file_name("top");
    fs::create_dir_all(local)?;
    fs::create_dir_all(&root)?;
    let mut command = Command::new("unshare");
    // Who is not root can mount something only in a user namespace.
    if fs::metadata("/proc/self")?.uid() != 0 {
        command.arg("--map-root-user");
    }
    command.args(["--mount", concat!(env!("CARGO_MANIFEST_DIR"), "/fleet/top")]).arg(root);
    command.arg(format!("local={}", local.display())).args(["--", program]);
    Ok(command)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take()
            && thread::panicking()
        {
            show_end(&log.join().unwrap_or_default());
        }
    }
}

#[expect(clippy::print_stderr, reason = "whoever reads why a test failed wants to read the log beside it")]
fn show_end(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    eprintln!("end of the daemon's log:\n{}", lines[lines.len().saturating_sub(100)..].join("\n"));
}

/// Reads the log to its end, and says where the daemon listens as soon as it is known.
fn collect(errors: ChildStderr, found: &Sender<String>) -> String {
    let mut log = String::new();
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        if let Some((_, address)) = line.split_once(LISTENING) {
            let end = address.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(address.len());
            // Nobody listens any more if a guest writes such a line later; that is no matter.
            let _ = found.send(address[..end].to_owned());
        }
        log += &line;
        log.push('\n');
    }
    log
}

/// What the daemon answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All header fields, as text.
    pub headers: String,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    fn read(response: ureq::http::Response<Body>) -> anyhow::Result<Self> {
        let (head, mut body) = response.into_parts();
        let text = body.read_to_string()?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Self { status: head.status.as_u16(), headers: format!("{:?}", head.headers), text, body })
    }

    /// The id of the job that was submitted.
    pub fn job(&self) -> anyhow::Result<&str> {
        self.body["data"]["id"].as_str().with_context(|| format!("no job in {}", self.text))
    }
}
