//! `transfer`: whole files and folders, between the daemon and the job's own target.

use crate::action::Action;
use crate::bindings::{transfer, types};
use crate::capture::Capture;
use crate::grant::{Access, Capability};
use crate::host::local_files::{FOLDER, LocalFileHandle};
use crate::host::sftp::{check_path, invalid};
use crate::host::ssh::{SessionHandle, before_end};
use crate::instance::State;
use crate::job::JobContext;
use crate::scrub::Scrubber;
use crate::tap::Tap;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{Direction, ErrorKind, Exit, Failure, HashAlgorithm, Moved, NotMoved, Phase, RunResult};
use hostler_remote::{Compare, FileChange, Links, Overseer, Progress, Session, Step, Transfer};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::component::Resource;

impl transfer::Host for State {
    async fn upload(
        &mut self,
        session: Resource<SessionHandle>,
        local: Resource<LocalFileHandle>,
        remote: String,
        options: transfer::Options,
    ) -> wasmtime::Result<Result<transfer::Moved, types::Error>> {
        self.carry(Direction::Upload, &session, &local, remote, options).await
    }

    async fn download(
        &mut self,
        session: Resource<SessionHandle>,
        remote: String,
        local: Resource<LocalFileHandle>,
        options: transfer::Options,
    ) -> wasmtime::Result<Result<transfer::Moved, types::Error>> {
        self.carry(Direction::Download, &session, &local, remote, options).await
    }
}

impl State {
    async fn carry(
        &mut self,
        direction: Direction,
        session: &Resource<SessionHandle>,
        local: &Resource<LocalFileHandle>,
        remote: String,
        options: transfer::Options,
    ) -> wasmtime::Result<Result<transfer::Moved, types::Error>> {
        let session = self.table.get(session)?.session();
        let session = session.map_err(|failure| Failure { phase: Phase::Transfer, ..failure });
        let local = self.table.get(local)?;
        let (is_folder, size) = (local.kind == FOLDER, local.size.unwrap_or_default());
        let moved = match (session, asked(direction, local, remote, &options)) {
            (Ok(session), Ok(transfer)) => self.transfer(session, transfer, is_folder, size).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        Ok(moved.map_err(|failure| self.tell(&failure)))
    }

    async fn transfer(
        &mut self,
        session: Arc<dyn Session>,
        mut transfer: Transfer,
        is_folder: bool,
        size: u64,
    ) -> Result<transfer::Moved, Failure> {
        let job = self.serving()?;
        let run = self.next_run()?;
        transfer.timeout = transfer.timeout.min(job.deadline.time);
        let (direction, path, local) = (transfer.direction, transfer.remote.clone(), transfer.local.shown.clone());
        let make_folder = FileChange::MakeFolder { path: path.clone() };
        let (command, first) = match direction {
            Direction::Upload if is_folder => (format!("upload {path}"), Action::ChangeFile(&make_folder)),
            Direction::Upload => {
                let action = Action::WriteFile { path: &path, local: Some(&local), size };
                (format!("upload {path}"), action)
            }
            Direction::Download => (format!("download {path}"), Action::ListFolder(&path)),
        };
        let started = Instant::now();
        let gate = Arc::new(Gate { job: Arc::clone(&job), run });
        let moved = before_end(&job, async {
            // It is judged again when its turn comes. Until then the server hears nothing, and opens no channel.
            job.admit(&first).await?;
            session.transfer(transfer, gate).await
        })
        .await?;
        let moved = scrubbed(moved, &job.scrubber);
        job.warn(moved.warnings.clone());
        let cap = self.terms.limits.output.min(self.output_left / 2);
        let said = |stream, text: &str| {
            Tap::whole(Capture::new(cap, &job.scrubber), &job.witness, run, stream, text.as_bytes())
        };
        let (stdout, stderr) = (said("stdout", &summary(&moved)), said("stderr", &failures(&moved)));
        self.output_left = self.output_left.saturating_sub(stdout.kept() + stderr.kept());
        let told = told(run, &moved);
        let result = RunResult {
            command,
            exit: Exit::Status(u32::from(moved.failed > 0)),
            stdout,
            stderr,
            duration: started.elapsed(),
            session_reused: session.reused(),
            moved: Some(Box::new(moved)),
            parsed: None,
            launched: None,
        };
        self.keep_run(&job, result);
        Ok(told)
    }
}

/// Reads what a guest asks for, which may be nonsense.
fn asked(
    direction: Direction,
    local: &LocalFileHandle,
    remote: String,
    options: &transfer::Options,
) -> Result<Transfer, Failure> {
    let (needed, function) = match direction {
        Direction::Upload => (Access::Read, "to-read"),
        Direction::Download => (Access::Write, "to-write"),
    };
    if local.access != needed {
        return Err(invalid(format!(
            "open {} by `{function}`: it was admitted for the other direction",
            local.path.shown
        )));
    }
    check_path(&remote)?;
    let compare = match &*options.compare {
        "never" => Compare::Never,
        "size-and-time" => Compare::SizeAndTime,
        other => Compare::Hash(hash_algorithm(other)?),
    };
    let links = match &*options.links {
        "copy" => Links::Copy,
        "follow" => Links::Follow,
        "skip" => Links::Skip,
        other => return Err(invalid(format!("links cannot be treated as {other:?}; use copy, follow or skip"))),
    };
    if options.mode.is_some_and(|mode| mode > 0o7777) {
        return Err(invalid("a mode has twelve bits, such as 0o640"));
    }
    if options.request_size == Some(0) {
        return Err(invalid("a request carries at least one byte"));
    }
    Ok(Transfer {
        direction,
        local: local.path.clone(),
        remote,
        recursive: options.recursive,
        overwrite: options.overwrite,
        resume: options.resume,
        compare,
        links,
        verify: options.verify.as_deref().map(hash_algorithm).transpose()?,
        request_size: options.request_size.unwrap_or(u32::MAX),
        mode: options.mode,
        make_folders: options.make_folders,
        in_place: options.in_place,
        durable: options.durable,
        timeout: options.timeout_ms.map_or(Duration::MAX, Duration::from_millis),
    })
}

fn hash_algorithm(word: &str) -> Result<HashAlgorithm, Failure> {
    match word {
        "sha256" => Ok(HashAlgorithm::Sha256),
        "md5" => Ok(HashAlgorithm::Md5),
        other => Err(invalid(format!("files cannot be compared by {other:?}; use sha256 or md5"))),
    }
}

/// Has each step of a transfer pass the one gate.
struct Gate {
    job: Arc<JobContext>,
    /// The id that its result will have.
    run: u32,
}

impl Overseer for Gate {
    fn admit<'a>(&'a self, step: Step<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        let action = match step {
            Step::List(path) => Action::ListFolder(path),
            Step::Read { remote, local, size } => Action::ReadFile { path: remote, local: Some(local), size },
            Step::Write { remote, local, size } => Action::WriteFile { path: remote, local: Some(local), size },
            Step::Change(change) => Action::ChangeFile(change),
            Step::Exec(exec) => Action::Exec(exec),
        };
        async move {
            // A driver that never runs anything did not ask for this: it is no denial that anybody should read of.
            if matches!(action, Action::Exec(_)) && !self.job.docket.driver.terms.powers.has(Capability::Exec) {
                let message = "the driver was granted no commands, so the file is read instead";
                return Err(Failure::new(ErrorKind::Denied, Phase::Policy, message));
            }
            self.job.admit(&action).await
        }
        .boxed()
    }

    fn progress(&self, progress: &Progress) {
        let file = self.job.scrubber.text(&progress.file);
        self.job.witness.progress(self.run, &Progress { file, ..*progress });
    }
}

/// The same without secrets: servers choose the names of what is in their folders.
fn scrubbed(moved: Moved, scrubber: &Scrubber) -> Moved {
    let text = |text: String| scrubber.text(&text);
    let failure = |NotMoved { path, reason }| NotMoved { path: text(path), reason: text(reason) };
    Moved {
        local_path: text(moved.local_path),
        remote_path: text(moved.remote_path),
        restarted: moved.restarted.map(text),
        failures: moved.failures.into_iter().map(failure).collect(),
        warnings: moved.warnings.into_iter().map(text).collect(),
        ..moved
    }
}

/// What `NetPulse` says of a transfer, and what it does not know of.
fn summary(moved: &Moved) -> String {
    let Moved { bytes, total, resumed, skipped, failed, .. } = moved;
    let mut text = format!("File transfer completed: {bytes}/{total} bytes");
    for (count, what) in [(resumed, "bytes were there already"), (skipped, "left alone"), (failed, "failed")] {
        if *count > 0 {
            write!(text, ", {count} {what}").expect("a String takes everything");
        }
    }
    text
}

/// What could not be moved, a line each.
fn failures(moved: &Moved) -> String {
    let mut text = String::new();
    for NotMoved { path, reason } in &moved.failures {
        writeln!(text, "{path}: {reason}").expect("a String takes everything");
    }
    let unnamed = moved.failed.saturating_sub(moved.failures.len() as u64);
    if unnamed > 0 {
        writeln!(text, "and {unnamed} more").expect("a String takes everything");
    }
    text
}

/// What the guest hears.
fn told(id: u32, moved: &Moved) -> transfer::Moved {
    transfer::Moved {
        id,
        files: moved.files,
        skipped: moved.skipped,
        failed: moved.failed,
        bytes: moved.bytes,
        total: moved.total,
        resumed: moved.resumed,
        restarted: moved.restarted.clone(),
        atomic: moved.atomic,
        request_size: moved.request_size,
        hash: moved.hash.as_ref().map(|hash| hash.hex.clone()),
    }
}
