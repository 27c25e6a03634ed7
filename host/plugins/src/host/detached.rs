//! `detached`: commands that go on when their job has ended.

use crate::action::Action;
use crate::bindings::{detached, ssh, types};
use crate::host::ssh::SessionHandle;
use crate::instance::State;
use crate::job::JobContext;
use crate::visit::{not_done, run};
use hostler_model::{Elevated, ErrorKind, Exit, Failure, Launched, Output, Phase, RunResult};
use hostler_remote::{Detached, Elevation, Session, TaskSeen};
use serde_json::json;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::component::Resource;

/// How long a target may take to start a task.
const LAUNCHING: Duration = Duration::from_mins(1);

impl detached::Host for State {
    async fn launch(
        &mut self,
        session: Resource<SessionHandle>,
        task: detached::Task,
    ) -> wasmtime::Result<Result<ssh::Run, types::Error>> {
        let session = self.table.get(&session)?.session();
        let secret = match task.elevate.as_ref().and_then(|elevation| elevation.password.as_ref()) {
            Some(password) => Some(self.table.get(password)?.path().to_owned()),
            None => None,
        };
        let launched = match (session, self.elevation(task.elevate.as_ref())?) {
            (Ok(session), Ok(elevation)) => self.launch(session, task, elevation, secret).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        Ok(launched.map_err(|failure| self.tell(&failure)))
    }
}

impl State {
    async fn launch(
        &mut self,
        session: Arc<dyn Session>,
        asked: detached::Task,
        elevation: Option<Elevation>,
        secret: Option<String>,
    ) -> Result<ssh::Run, Failure> {
        let job = self.serving()?;
        self.next_run()?;
        let id = job.task.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| {
            let message = "a job launches one task, and only if its request says `detach`";
            Failure::new(ErrorKind::Denied, Phase::Exec, message)
        })?;
        let elevated = elevation.as_ref().map(|elevation| Elevated { user: elevation.user.clone(), secret });
        let text = |bytes| {
            String::from_utf8(bytes).map_err(|_| {
                let message = "what a detached task reads must be text in UTF-8";
                Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message)
            })
        };
        let detached = Detached {
            id: id.clone(),
            commands: asked.commands,
            stop_on_error: asked.stop_on_error,
            environment: asked.environment,
            working_directory: asked.working_directory,
            elevation,
            stdin: asked.stdin.map(text).transpose()?,
            timeout: LAUNCHING.min(job.deadline.time),
        };
        let started = Instant::now();
        let seen = launch(&job, &session, &detached).await?;
        let shown = |text: &str| job.scrubber.text(text);
        let said = format!("Task {id} launched.\n").into_bytes();
        let launched = Launched {
            id,
            pid: seen.pid.unwrap_or_default(),
            log_file: format!("{}/log", shown(&seen.folder)),
            command: detached.commands.iter().map(|command| shown(command)).collect(),
            elevated,
        };
        let result = RunResult {
            command: "launch".into(),
            exit: Exit::Status(0),
            stdout: Output { head: said, ..Output::default() },
            stderr: Output::default(),
            duration: started.elapsed(),
            session_reused: session.reused(),
            moved: None,
            parsed: None,
            launched: Some(Box::new(launched)),
        };
        self.keep_run(&job, result);
        Ok(self.last_run())
    }
}

/// Each command is judged as it would be if it did not go on by itself, then the whole.
async fn launch(job: &JobContext, session: &Arc<dyn Session>, detached: &Detached) -> Result<TaskSeen, Failure> {
    detached.check(&job.target.user)?;
    for exec in detached.execs() {
        job.judge(&Action::Exec(&exec)).await?;
    }
    job.admit(&Action::Detach(detached)).await?;
    // What stands in it is kept on the target, where others of the daemon's may find the task.
    let commands: Vec<String> = detached.commands.iter().map(|command| job.scrubber.text(command)).collect();
    let about = json!({"job": job.docket.job, "command": commands}).to_string();
    let call = detached.launch(&about);
    let ran = run(job, session, call.exec.clone()).await?;
    let (seen, _) = call.answer(&ran.stdout).map_err(|failure| not_done(failure, &ran))?;
    seen.into_iter().next().ok_or_else(|| {
        let message = "The target did not say what it launched: look for the task there.";
        Failure::new(ErrorKind::Unsupported, Phase::Exec, message)
    })
}
