//! `transfer`: whole files and folders, between the daemon and the job's own target.

use crate::action::Action;
use crate::bindings::{transfer, types};
use crate::capture::Capture;
use crate::grant::{Access, Capability};
use crate::host::local_files::{FOLDER, LocalFileHandle, SharedSlot, blocking};
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
use std::sync::{Arc, PoisonError};
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
        let side =
            Side { is_folder: local.kind == FOLDER, size: local.size.unwrap_or_default(), slot: local.slot.clone() };
        let moved = match (session, asked(direction, local, remote, &options)) {
            (Ok(session), Ok(transfer)) => self.transfer(session, transfer, side).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        Ok(moved.map_err(|failure| self.tell(&failure)))
    }

    async fn transfer(
        &mut self,
        session: Arc<dyn Session>,
        mut transfer: Transfer,
        Side { is_folder, size, slot }: Side,
    ) -> Result<transfer::Moved, Failure> {
        let job = self.serving()?;
        let run = self.next_run()?;
        transfer.timeout = transfer.timeout.min(job.deadline.time);
        if slot.is_some() {
            settle(&mut transfer, job.files.staged.max_size())?;
        }
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
        let gate = Arc::new(Gate { job: Arc::clone(&job), run, slot: slot.clone() });
        let moved = before_end(&job, async {
            // It is judged again when its turn comes. Until then the server hears nothing, and opens no channel.
            job.admit(&first).await?;
            let moved = session.transfer(transfer, gate).await?;
            match slot {
                Some(slot) => staged(moved, slot).await,
                None => Ok(moved),
            }
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
        };
        self.keep_run(&job, result);
        Ok(told)
    }
}

/// The daemon's side of a transfer.
struct Side {
    is_folder: bool,
    /// Bytes of what is read.
    size: u64,
    /// Where it is a new staged file.
    slot: Option<SharedSlot>,
}

/// What holds for a download that becomes a staged file.
fn settle(transfer: &mut Transfer, max_size: u64) -> Result<(), Failure> {
    if transfer.recursive {
        return Err(invalid("a folder cannot be staged: download it to one of the daemon's folders"));
    }
    // The daemon is to read it again, whatever the server lets others do with it; its folder lets nobody else in.
    transfer.mode = Some(0o644);
    transfer.resume = false;
    transfer.limit = max_size;
    Ok(())
}

/// Has the client find what was moved.
async fn staged(moved: Moved, slot: SharedSlot) -> Result<Moved, Failure> {
    let slot = slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(used)?;
    let about = blocking(move || slot.finish()).await?;
    Ok(Moved { staged: Some(about.id.to_string()), ..moved })
}

fn used() -> Failure {
    invalid("something was downloaded into it already: open a new one by `to-stage`")
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
        limit: u64::MAX,
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
    /// Where it becomes a staged file.
    slot: Option<SharedSlot>,
}

impl Gate {
    /// Takes room for a file whose size is known; for others that is done when they are there.
    async fn claim(&self, size: u64) -> Result<(), Failure> {
        let Some(slot) = self.slot.clone() else { return Ok(()) };
        let claim = move || slot.lock().unwrap_or_else(PoisonError::into_inner).as_mut().ok_or_else(used)?.claim(size);
        blocking(claim).await
    }
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
            self.job.admit(&action).await?;
            match action {
                Action::ReadFile { size: Some(size), .. } => self.claim(size).await,
                _ => Ok(()),
            }
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
