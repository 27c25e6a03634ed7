//! The daemon itself at a target: a session that a driver opened, and what is done over it without a job.

mod tasks;

use crate::action::Action;
use crate::breaker::Step;
use crate::deadline::Deadline;
use crate::host::ssh::{SessionHandle, before_end};
use crate::job::JobContext;
use crate::prepared::dropped;
use crate::{Piece, Prepared, Progress, Witness};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Exit, Failure, Phase, RunResult, Tested};
use hostler_remote::{Event, Exec, Session};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use tasks::TaskLog;

/// Bytes of a stream that are kept of a command of the daemon's own. What it asks for is shorter.
const CAP: usize = 4 << 20;

/// A session with the target of a request, opened by its driver. Grants and policies hold as for a job of it.
pub struct Visit {
    pub(crate) context: Arc<JobContext>,
    session: Arc<dyn Session>,
    latency: Duration,
}

/// How a command of the daemon's own ended, and what it wrote.
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Prepared {
    /// Has the driver connect. All that is done there has to end within `patience`.
    pub async fn visit(self, patience: Duration) -> Result<Visit, Failure> {
        let started = Instant::now();
        let deadline = Deadline::visit(patience);
        let (plugins, job, context) = self.begin(Arc::new(NoJob), CancellationToken::new(), deadline);
        let docket = &context.docket;
        let mut instance = plugins.instance(&context, Step::Visit).await?;
        let connected = instance
            .call_until(
                async |store, driver| driver.hostler_plugin_driving().call_connect(store, &job).await,
                dropped(&context),
            )
            .await;
        let broken = |error| {
            let message = format!("plugin {}: it gave a session that is none", docket.driver.terms.name);
            Failure::new(ErrorKind::InvalidOutput, Phase::Plugin, message).with_detail(error)
        };
        let table = &instance.store.data().table;
        let answered = connected.and_then(|answer| match answer {
            Ok(handle) => table.get(&handle).map(SessionHandle::session).map_err(broken),
            Err(error) => Ok(Err(error.into())),
        });
        docket.called(Step::Visit, answered.as_ref().err());
        let scrubbed = |failure: Failure| Failure { message: context.scrubber.text(&failure.message), ..failure };
        let session = answered.flatten().map_err(scrubbed)?;
        Ok(Visit { context: Arc::clone(&context), session, latency: started.elapsed() })
    }
}

impl Visit {
    /// What there is to see without changing anything.
    pub async fn look(&self) -> Tested {
        Tested {
            latency: self.latency,
            server_version: self.session.server_version(),
            system: self.system().await,
            warnings: self.context.warnings(),
        }
    }

    /// Ends the session.
    pub async fn leave(self) {
        self.session.close().await;
    }

    async fn system(&self) -> Option<String> {
        let exec = Exec { timeout: self.context.deadline.time, ..Exec::default() };
        let uname = Exec { command: "uname -a".into(), ..exec };
        self.context.admit(&Action::Exec(&uname)).await.ok()?;
        let ran = self.run(uname).await.ok().filter(|ran| ran.exit == Exit::Status(0))?;
        let line = self.context.scrubber.text(&String::from_utf8_lossy(&ran.stdout));
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// Runs a command that was admitted, to its end.
    pub(crate) async fn run(&self, exec: Exec) -> Result<Ran, Failure> {
        run(&self.context, &self.session, exec).await
    }
}

/// Runs a command of the daemon's own that was admitted, to its end.
pub(crate) async fn run(context: &JobContext, session: &Arc<dyn Session>, exec: Exec) -> Result<Ran, Failure> {
    before_end(context, async {
        let mut process = session.start(exec).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match process.next().await {
                Some(Event::Stdout(bytes)) => keep(&mut stdout, &bytes)?,
                Some(Event::Stderr(bytes)) => keep(&mut stderr, &bytes)?,
                Some(Event::Ended(ended)) => return Ok(Ran { exit: ended?, stdout, stderr }),
                Some(Event::Stopped { .. }) | None => {
                    let message = "The session was closed while the daemon asked the target: try again.";
                    return Err(Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message));
                }
            }
        }
    })
    .await
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Failure> {
    if kept.len() + bytes.len() > CAP {
        let message = "The target answers with more than the daemon asked for: look at the shell that it logs in to.";
        return Err(Failure::new(ErrorKind::Limit, Phase::Exec, message));
    }
    kept.extend_from_slice(bytes);
    Ok(())
}

/// A failure with what the target said to it on standard error, for the log.
pub(crate) fn not_done(failure: Failure, ran: &Ran) -> Failure {
    failure.with_detail(String::from_utf8_lossy(&ran.stderr))
}

/// The witness where there is no job: nothing is kept of it but the audit.
struct NoJob;

impl Witness for NoJob {
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        async { Ok(()) }.boxed()
    }

    fn output(&self, _: Piece<'_>) {}

    fn progress(&self, _: u32, _: &Progress) {}

    fn ran(&self, _: u32, _: &RunResult) {}
}
