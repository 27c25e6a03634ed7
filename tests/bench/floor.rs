//! What the parts of a job that does nothing cost bare, each by the library that does it: what is above that is ours.

use crate::bare::Bare;
use crate::bare_http::BareHttp;
use anyhow::{anyhow, ensure};
use hostler_tests::{KeyForm, KeyType, Spent, Sshd, cpu};
use rusqlite::Connection;
use russh::client::{self, Handler};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use std::process;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Instances that the default configuration makes for a job: the driver's to validate and to execute, a policy's.
const INSTANCES: usize = 3;
/// A job is asked for, and waited for.
const REQUESTS: usize = 2;
/// About as much as the store keeps of a job.
const ROW: usize = 2 << 10;

/// CPU time for each job, in milliseconds.
pub(crate) struct Floor {
    pub(crate) http: f64,
    pub(crate) store: f64,
    pub(crate) instances: f64,
    pub(crate) ssh: f64,
}

impl Floor {
    pub(crate) fn sum(&self) -> f64 {
        self.http + self.store + self.instances + self.ssh
    }

    /// Does the parts of so many jobs, of which `at_once` share each commit.
    pub(crate) fn measure(
        sshd: &Sshd,
        bare: &BareHttp,
        body: &str,
        jobs: usize,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let here = process::id();
        let http = spent(bare.pid(), jobs, || (0..jobs * REQUESTS).try_for_each(|_| bare.ask(body).map(drop)))?;
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let database = Connection::open(folder.path().join("bare.sqlite"))?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        database.execute_batch("CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT, row TEXT)")?;
        let store = spent(here, jobs, || commits(&database, jobs, at_once))?;
        let runtime = Runtime::new()?;
        let guest = Bare::new("paramiko").map_err(|error| anyhow!("{error:#}"))?;
        let instances = spent(here, jobs, || {
            (0..jobs * INSTANCES).try_for_each(|_| runtime.block_on(guest.life()).map_err(|error| anyhow!("{error:#}")))
        })?;
        let session = runtime.block_on(log_in(sshd))?;
        let ssh = spent(here, jobs, || (0..jobs).try_for_each(|_| runtime.block_on(nothing(&session))))?;
        Ok(Self { http, store, instances, ssh })
    }
}

/// CPU time of a process for each of so many jobs, in milliseconds, while `work` is done.
fn spent(process: u32, jobs: usize, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let before = cpu(process, Spent::Itself)?;
    work()?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand jobs")]
    Ok((cpu(process, Spent::Itself)? - before) * 1000.0 / jobs as f64)
}

/// A job comes in, acts, and ends: each time the disk has it before anything else happens.
fn commits(database: &Connection, jobs: usize, at_once: usize) -> anyhow::Result<()> {
    const STEPS: [&str; 3] = [
        "INSERT INTO jobs (id, state, row) VALUES (?1, 'started', ?2)",
        "UPDATE jobs SET state = 'acting' WHERE id = ?1 AND ?2 <> ''",
        "UPDATE jobs SET state = 'finished', row = ?2 WHERE id = ?1",
    ];
    let row = "r".repeat(ROW);
    for first in (0..jobs).step_by(at_once) {
        for step in STEPS {
            database.execute_batch("BEGIN IMMEDIATE")?;
            for job in first..jobs.min(first + at_once) {
                database.prepare_cached(step)?.execute((i64::try_from(job)?, &row))?;
            }
            database.execute_batch("COMMIT")?;
        }
    }
    Ok(())
}

struct AnyServer;

impl Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

async fn log_in(sshd: &Sshd) -> anyhow::Result<client::Handle<AnyServer>> {
    let config = client::Config { nodelay: true, ..client::Config::default() };
    let mut session = client::connect(Arc::new(config), ("127.0.0.1", sshd.port()), AnyServer).await?;
    let key = decode_secret_key(&sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?, None)?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    ensure!(session.authenticate_publickey(Sshd::USER, key).await?.success(), "the key was not accepted");
    Ok(session)
}

async fn nothing(session: &client::Handle<AnyServer>) -> anyhow::Result<()> {
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, ":").await?;
    while channel.wait().await.is_some() {}
    Ok(())
}
