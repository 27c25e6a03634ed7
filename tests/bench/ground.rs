//! Where files are moved, and who moves them.

use crate::peers::Peers;
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, KeyForm, KeyType, Setup, Spent, Sshd, cpu, median, peak_memory};
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// What both OpenSSH and the daemon take first where AES is in hardware.
const CIPHER: &str = "aes128-gcm@openssh.com";

/// Which way files go.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Up,
    Down,
}

impl Way {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Up => "upload",
            Self::Down => "download",
        }
    }
}

/// What a transfer cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// User and system time of the client, in seconds.
    pub(crate) cpu: f64,
}

impl Cost {
    pub(crate) fn median(costs: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| median(costs.iter().map(value));
        Self { seconds: middle(|cost| cost.seconds), cpu: middle(|cost| cost.cpu) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
    pub(crate) fn describe(&self, bytes: u64) -> String {
        let mib = bytes as f64 / f64::from(1 << 20);
        format!(
            "{:7.3} s {:7.1} MiB/s {:6.2} s of CPU per GiB",
            self.seconds,
            mib / self.seconds,
            self.cpu * 1024.0 / mib
        )
    }
}

/// A server, the daemon, the others, and two folders in memory.
pub(crate) struct Ground {
    sshd: Sshd,
    daemon: Daemon,
    peers: Peers,
    key: String,
    folder: TempDir,
}

impl Ground {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("hostler-bench-").tempdir_in("/dev/shm")?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        for side in ["local", "remote"] {
            let side = folder.path().join(side);
            fs::create_dir(&side)?;
            fs::set_permissions(side, Permissions::from_mode(0o777))?;
        }
        let sshd = Sshd::start(&["MaxStartups=100"])?;
        let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
        fs::write(folder.path().join("key"), &key)?;
        fs::set_permissions(folder.path().join("key"), Permissions::from_mode(0o600))?;
        let config = format!("ssh.logins_at_once = 40\nfiles.roots = [\"{}/local\"]", folder.path().display());
        let daemon = Daemon::start(&Setup {
            program: env!("CARGO_BIN_EXE_hostler-under-test"),
            config: &config,
            plugins: &[],
            unsigned: false,
            local: false,
            log: "warn,hostler=info",
        })?;
        Ok(Self { peers: Peers::new(&key)?, sshd, daemon, key, folder })
    }

    pub(crate) fn port(&self) -> u16 {
        self.sshd.port()
    }

    fn path(&self, side: &str, name: &str) -> PathBuf {
        self.folder.path().join(side).join(name)
    }

    fn source(&self, way: Way, name: &str) -> PathBuf {
        self.path(if way == Way::Up { "local" } else { "remote" }, name)
    }

    /// Makes a file of random bytes where such transfers start.
    pub(crate) fn fill(&self, way: Way, name: &str, size: u64) -> anyhow::Result<()> {
        let mut file = File::create(self.source(way, name))?;
        std::io::copy(&mut File::open("/dev/urandom")?.take(size), &mut file)?;
        Ok(())
    }

    /// The same for a folder of files.
    pub(crate) fn fill_folder(&self, way: Way, name: &str, files: usize, size: u64) -> anyhow::Result<()> {
        fs::create_dir_all(self.source(way, name))?;
        (0..files).try_for_each(|number| self.fill(way, &format!("{name}/{number}"), size))
    }

    /// Removes a file on both sides.
    pub(crate) fn remove(&self, name: &str) -> anyhow::Result<()> {
        ["local", "remote"].iter().try_for_each(|side| Ok(fs::remove_file(self.path(side, name))?))
    }

    /// Runs a mover with a target that does not exist yet, and looks at what it made.
    fn measure(
        &self,
        way: Way,
        (name, to): (&str, &str),
        mover: impl FnOnce(&Path, &Path) -> anyhow::Result<(f64, f64)>,
    ) -> anyhow::Result<Cost> {
        let source = self.source(way, name);
        let target = self.path(if way == Way::Up { "remote" } else { "local" }, to);
        if target.is_dir() {
            fs::remove_dir_all(&target)?;
        } else if target.exists() {
            fs::remove_file(&target)?;
        }
        let (local, remote) = if way == Way::Up { (&source, &target) } else { (&target, &source) };
        let (seconds, cpu) = mover(local, remote)?;
        let same = Command::new("diff").args(["-rq"]).args([&source, &target]).status()?;
        ensure!(same.success(), "the target is not like the source");
        Ok(Cost { seconds, cpu })
    }

    /// A job of the daemon's.
    pub(crate) fn hostler(&self, way: Way, name: &str, port: u16) -> anyhow::Result<Cost> {
        self.hostler_to(way, name, name, port)
    }

    pub(crate) fn hostler_to(&self, way: Way, name: &str, to: &str, port: u16) -> anyhow::Result<Cost> {
        self.measure(way, (name, to), |local, remote| {
            let mut body = self.body(port);
            body["command"] = json!(["__FILE_TRANSFER__"]);
            body["driver_args"] = json!({"file_transfer": {
                "operation": way.word(), "local_path": local, "remote_path": remote, "recursive": true
            }});
            let (start, before) = (Instant::now(), cpu(self.daemon.pid(), Spent::Itself)?);
            let job = self.daemon.run(&body)?;
            let seconds = start.elapsed().as_secs_f64();
            ensure!(job["state"] == "finished" && job["results"][0]["exit_status"] == 0, "{job}");
            Ok((seconds, cpu(self.daemon.pid(), Spent::Itself)? - before))
        })
    }

    fn body(&self, port: u16) -> Value {
        json!({
            "driver": "paramiko",
            "connection_args": {"host": "127.0.0.1", "port": port, "username": Sshd::USER, "pkey": self.key}
        })
    }

    /// A command on a connection that is kept.
    pub(crate) fn command(&self) -> anyhow::Result<()> {
        let mut body = self.body(self.port());
        body["command"] = "echo hi".into();
        body["options"] = json!({"queue_strategy": "pinned"});
        let job = self.daemon.run(&body)?;
        ensure!(job["results"][0]["stdout"] == "hi\n", "{job}");
        Ok(())
    }

    /// scp(1).
    pub(crate) fn scp(&self, way: Way, name: &str, port: u16) -> anyhow::Result<Cost> {
        self.scp_to(way, name, name, port)
    }

    pub(crate) fn scp_to(&self, way: Way, name: &str, to: &str, port: u16) -> anyhow::Result<Cost> {
        self.measure(way, (name, to), |local, remote| {
            let remote = format!("{}@127.0.0.1:{}", Sshd::USER, remote.display());
            let mut scp = self.openssh("scp", port);
            scp.arg("-q");
            match way {
                Way::Up => scp.arg(local).arg(remote),
                Way::Down => scp.arg(remote).arg(local),
            };
            run(&mut scp, "")
        })
    }

    /// sftp(1).
    pub(crate) fn sftp(&self, way: Way, name: &str, port: u16) -> anyhow::Result<Cost> {
        self.measure(way, (name, name), |local, remote| {
            let line = match way {
                Way::Up => format!("put -r {} {}", local.display(), remote.display()),
                Way::Down => format!("get -r {} {}", remote.display(), local.display()),
            };
            let mut sftp = self.openssh("sftp", port);
            run(sftp.args(["-q", "-b", "-"]).arg(format!("{}@127.0.0.1", Sshd::USER)), &line)
        })
    }

    fn openssh(&self, program: &str, port: u16) -> Command {
        let mut command = Command::new(program);
        let options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
        command.args(["-F", "/dev/null", "-c", CIPHER]).args(options.iter().flat_map(|option| ["-o", option]));
        command.args(["-P", &port.to_string(), "-i"]).arg(self.folder.path().join("key"));
        command
    }

    /// A contender of `movers.py`.
    pub(crate) fn peer(&self, peer: &str, way: Way, name: &str, port: u16) -> anyhow::Result<Cost> {
        self.measure(way, (name, name), |local, remote| {
            let [local, remote] = [local, remote].map(|path| path.to_string_lossy());
            self.peers.run("movers.py", &[peer, way.word(), &local, &remote, &port.to_string()])
        })
    }

    /// Forgets the daemon's peak of memory, and answers what it has now, in bytes (proc(5), `clear_refs`).
    pub(crate) fn reset_peak(&self) -> anyhow::Result<u64> {
        fs::write(format!("/proc/{}/clear_refs", self.daemon.pid()), "5")?;
        self.peak()
    }

    pub(crate) fn peak(&self) -> anyhow::Result<u64> {
        peak_memory(self.daemon.pid())
    }
}

/// Runs a program to its end. Gives the seconds that it took, and those of CPU of it and its children.
fn run(program: &mut Command, input: &str) -> anyhow::Result<(f64, f64)> {
    let (start, before) = (Instant::now(), cpu(std::process::id(), Spent::ByChildren)?);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("it is piped")?.write_all(input.as_bytes())?;
    ensure!(child.wait()?.success(), "{program:?} failed");
    Ok((start.elapsed().as_secs_f64(), cpu(std::process::id(), Spent::ByChildren)? - before))
}
