//! A throw-away OpenSSH server with Debian's default configuration; see `tests/fleet/sshd`.

use crate::Shared;
use anyhow::{Context, bail, ensure};
use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// The kinds of key that the server's users may log in with.
#[derive(Clone, Copy, Debug)]
pub enum KeyType {
    /// RSA of 2048 bits.
    Rsa,
    /// Ed25519 (RFC 8709).
    Ed25519,
    /// ECDSA over the curve P-256 (RFC 5656).
    Ecdsa,
}

impl KeyType {
    const ALL: [Self; 3] = [Self::Rsa, Self::Ed25519, Self::Ecdsa];

    fn word(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
            Self::Ecdsa => "ecdsa",
        }
    }

    /// As ssh-keygen is asked for one. Its own default for RSA takes a second.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Rsa => &["-t", "rsa", "-b", "2048"],
            Self::Ed25519 => &["-t", "ed25519"],
            Self::Ecdsa => &["-t", "ecdsa"],
        }
    }
}

/// How a private key is written down.
#[derive(Clone, Copy, Debug)]
pub enum KeyForm {
    /// `BEGIN OPENSSH PRIVATE KEY`.
    OpenSsh,
    /// `BEGIN RSA PRIVATE KEY` (PKCS#1) or `BEGIN EC PRIVATE KEY` (SEC1).
    Pem,
    /// `BEGIN PRIVATE KEY` or `BEGIN ENCRYPTED PRIVATE KEY`.
    Pkcs8,
}

/// A running OpenSSH server. It ends when this is dropped, or when this process ends.
pub struct Sshd {
    script: Child,
    folder: TempDir,
    port: u16,
}

impl Sshd {
    /// Whom to log in as; may use sudo with the password.
    pub const USER: &str = "admin";
    /// A user whom sudo asks for no password.
    pub const NOPASSWD: &str = "nopasswd";
    /// A user who may not use sudo.
    pub const NOSUDO: &str = "nosudo";
    /// A user like the first one, whom sudo refuses without a terminal.
    pub const REQUIRETTY: &str = "requiretty";
    /// A user like the first one, whose commands sudo runs in a terminal of its own if it has one.
    pub const USEPTY: &str = "usepty";
    /// A user who must change the password at the next login.
    pub const EXPIRED: &str = "expired";
    /// A user whose login shell is the command line of a network switch.
    pub const APPLIANCE: &str = "appliance";
    /// What that command line takes as enable password.
    pub const ENABLE_PASSWORD: &str = "enable-P4ssw0rd-of-the-appliance";
    /// The users' password. It has what JSON escapes, and it is found nowhere else by chance. `root` has none.
    pub const PASSWORD: &str = r#"plan"ted\P4ssw0rd-of-the-fleet"#;

    /// Starts a server of its own for the caller, with options as `sshd -o` takes them.
    pub fn start(options: &[&str]) -> anyhow::Result<Self> {
        Self::with_password(Self::PASSWORD, options)
    }

    /// The same, with another password of the users.
    pub fn with_password(password: &str, options: &[&str]) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("hostler-fleet-")?;
        fs::write(folder.path().join("password"), password)?;
        let mut authorized = String::new();
        for key in KeyType::ALL {
            let path = folder.path().join(key.word());
            ssh_keygen(&[key.options(), &["-q", "-N", "", "-C", "fleet", "-f"]].concat(), &path)?;
            authorized += &fs::read_to_string(path.with_extension("pub"))?;
        }
        fs::write(folder.path().join("authorized_keys"), authorized)?;
        fs::write(folder.path().join("ports"), ports())?;
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fleet/sshd"))
            .arg(folder.path())
            .args(options.iter().flat_map(|option| ["-o", option]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("tests/fleet/sshd does not start")?;
        let mut ready = String::new();
        let output = script.stdout.take().context("its output is piped")?;
        BufReader::new(output).read_line(&mut ready)?;
        let port = ready.trim().strip_prefix("ready ").and_then(|port| port.parse().ok());
        let Some(port) = port else {
            bail!("the SSH server is not there; tests/fleet/sshd says why on standard error")
        };
        Ok(Self { script, folder, port })
    }

    /// The server with default options that tests running at the same time share.
    pub fn shared() -> anyhow::Result<Arc<Self>> {
        static SHARED: Shared<Sshd> = Shared::new();
        SHARED.get(|| Self::start(&[]))
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process that everything of the server runs below.
    pub fn pid(&self) -> u32 {
        self.script.id()
    }

    /// The home directory of [`Sshd::USER`], as this process sees it.
    pub fn home(&self) -> PathBuf {
        self.home_of(Self::USER)
    }

    /// A user's home directory, as this process sees it.
    pub fn home_of(&self, user: &str) -> PathBuf {
        self.folder.path().join("home").join(user)
    }

    /// The server's folder `/remote`, which all users may write to, as this process sees it.
    pub fn remote(&self) -> PathBuf {
        self.folder.path().join("remote")
    }

    /// A file of the server's private `/etc` or `/run`.
    pub fn read(&self, path: &str) -> anyhow::Result<String> {
        let outside = self.folder.path().join(path.trim_start_matches('/'));
        fs::read_to_string(outside).with_context(|| format!("{path} of the SSH server cannot be read"))
    }

    /// What sshd wrote to its log until now.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// A private key that the users and root may log in with, in a form, encrypted if there is a passphrase.
    pub fn key(&self, key: KeyType, form: KeyForm, passphrase: Option<&str>) -> anyhow::Result<String> {
        let copies = TempDir::with_prefix("hostler-key-")?;
        let path = copies.path().join("key");
        fs::copy(self.folder.path().join(key.word()), &path)?;
        let form: &[&str] = match form {
            KeyForm::OpenSsh => &[],
            KeyForm::Pem => &["-m", "PEM"],
            KeyForm::Pkcs8 => &["-m", "PKCS8"],
        };
        let rewrite = ["-q", "-p", "-P", "", "-N", passphrase.unwrap_or_default()];
        ssh_keygen(&[&rewrite, form, &["-f"]].concat(), &path)?;
        Ok(fs::read_to_string(path)?)
    }

    /// What a `known_hosts` file must hold to know this server: one line per host key.
    pub fn known_hosts(&self) -> anyhow::Result<String> {
        let mut lines = String::new();
        for key in KeyType::ALL {
            let path = self.folder.path().join(format!("ssh_host_{}_key.pub", key.word()));
            write!(lines, "[127.0.0.1]:{} {}", self.port, fs::read_to_string(path)?)?;
        }
        Ok(lines)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // The folder must not vanish before the script has tidied it up.
        let _ = self.script.wait();
    }
}

/// Ports to try, one a line, below the range of outgoing ports. Nobody else in this process gets them, also later: whoever
/// has learned a server's key would refuse the next one at the same port.
fn ports() -> String {
    const ALL: Range<usize> = 20_000..32_000;
    const TRIES: usize = 20;
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    // Other processes are likely to begin elsewhere.
    let first = std::process::id() as usize * TRIES + GIVEN.fetch_add(TRIES, Ordering::Relaxed);
    let ports = (first..first + TRIES).map(|port| (ALL.start + port % ALL.len()).to_string());
    ports.collect::<Vec<_>>().join("\n")
}

fn ssh_keygen(arguments: &[&str], path: &Path) -> anyhow::Result<()> {
    let run = Command::new("ssh-keygen").args(arguments).arg(path).stdin(Stdio::null()).output();
    let run = run.context("ssh-keygen does not start: run `make setup`")?;
    ensure!(run.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}
