//! `ssh`: sessions with the job's own target.

use crate::action::Action;
use crate::audit::Decision;
use crate::bindings::{ssh, types};
use crate::capture::Capture;
use crate::host::secrets::SecretHandle;
use crate::instance::State;
use crate::job::JobContext;
use crate::tap::Tap;
use bytes::Bytes;
use hostler_model::{AuditEvent, ErrorKind, Exit, Failure, Phase, RunResult, Secret, SecretUse};
use hostler_remote::{Authentication, Connect, Elevation, Event, Exec, HostKeyPolicy, Process, Session};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::component::Resource;

/// Bytes of each stream that a guest gets with the status of a run.
const PREVIEW: usize = 64 << 10;

/// What the secrets of one leg of the way must be meant for.
struct Uses {
    password: SecretUse,
    key: SecretUse,
    passphrase: SecretUse,
}

const TARGET: Uses = Uses { password: SecretUse::Password, key: SecretUse::Key, passphrase: SecretUse::Passphrase };
const JUMP: Uses =
    Uses { password: SecretUse::JumpPassword, key: SecretUse::JumpKey, passphrase: SecretUse::JumpPassphrase };

/// A guest's handle for a session. `None` after it was closed.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct SessionHandle(pub(crate) Option<Arc<dyn Session>>);

impl SessionHandle {
    /// The session, unless it was closed.
    pub(crate) fn session(&self) -> Result<Arc<dyn Session>, Failure> {
        let message = "the session is closed; connect again";
        self.0.clone().ok_or_else(|| Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message))
    }
}

impl ssh::Host for State {}

impl ssh::HostSession for State {
    async fn connect(
        &mut self,
        authentication: Vec<ssh::Authentication>,
        jumps: Vec<Vec<ssh::Authentication>>,
        options: ssh::ConnectOptions,
    ) -> wasmtime::Result<Result<Resource<SessionHandle>, types::Error>> {
        let methods = self.methods(authentication, &TARGET)?;
        let jumps: Result<Vec<_>, _> =
            jumps.into_iter().map(|methods| self.methods(methods, &JUMP)).collect::<wasmtime::Result<_>>()?;
        let connected = match (methods, jumps) {
            (Ok(methods), Ok(jumps)) => self.open(methods, jumps, options).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        let opened = match connected {
            Ok(session) => {
                let pushed = self.table.push(SessionHandle(Some(session.into())));
                self.handle(pushed)?
            }
            Err(failure) => Err(failure),
        };
        self.sessions += usize::from(opened.is_ok());
        Ok(opened.map_err(|failure| self.tell(&failure)))
    }

    async fn run(
        &mut self,
        session: Resource<SessionHandle>,
        exec: ssh::Exec,
    ) -> wasmtime::Result<Result<ssh::Run, types::Error>> {
        let session = self.table.get(&session)?.session();
        let ran = match (session, self.elevation(exec.elevate.as_ref())?) {
            (Ok(session), Ok(elevation)) => self.execute(session, exec, elevation).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        Ok(ran.map_err(|failure| self.tell(&failure)))
    }

    async fn close(&mut self, session: Resource<SessionHandle>) -> wasmtime::Result<Result<(), types::Error>> {
        if let Some(session) = self.table.get_mut(&session)?.0.take() {
            self.sessions -= 1;
            session.close().await;
        }
        Ok(Ok(()))
    }

    async fn drop(&mut self, session: Resource<SessionHandle>) -> wasmtime::Result<()> {
        if self.table.delete(session)?.0.is_some() {
            self.sessions -= 1;
        }
        Ok(())
    }
}

impl State {
    /// Turns handles into what `remote` needs, each secret only in the use it is meant for.
    fn methods(
        &self,
        asked: Vec<ssh::Authentication>,
        uses: &Uses,
    ) -> wasmtime::Result<Result<Vec<Authentication>, Failure>> {
        let mut methods = Vec::with_capacity(asked.len());
        for method in asked {
            let method = match method {
                ssh::Authentication::Password(password) => {
                    self.secret(&password, &[uses.password])?.map(Authentication::Password)
                }
                ssh::Authentication::Key(key) => {
                    let text = self.secret(&key.text, &[uses.key])?;
                    let passphrase = self.optional(key.passphrase.as_ref(), &[uses.passphrase])?;
                    let certificate = key.certificate;
                    text.and_then(|text| Ok(Authentication::Key { text, passphrase: passphrase?, certificate }))
                }
                ssh::Authentication::KeyFile(file) => self
                    .optional(file.passphrase.as_ref(), &[uses.passphrase])?
                    .map(|passphrase| Authentication::KeyFile { path: file.path, passphrase }),
                ssh::Authentication::Agent => Ok(Authentication::Agent),
                ssh::Authentication::DefaultKeys => Ok(Authentication::DefaultKeys),
            };
            match method {
                Ok(method) => methods.push(method),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(methods))
    }

    /// Whose rights a command gets. The login password may serve sudo as well: both are of the same account.
    pub(crate) fn elevation(
        &self,
        asked: Option<&ssh::Elevation>,
    ) -> wasmtime::Result<Result<Option<Elevation>, Failure>> {
        let Some(asked) = asked else { return Ok(Ok(None)) };
        let password = self.optional(asked.password.as_ref(), &[SecretUse::Sudo, SecretUse::Password])?;
        Ok(password.map(|password| Some(Elevation { user: asked.user.clone(), password })))
    }

    fn secret(
        &self,
        handle: &Resource<SecretHandle>,
        wanted: &[SecretUse],
    ) -> wasmtime::Result<Result<Secret, Failure>> {
        let used = self.table.get(handle)?.used_as(wanted);
        if let (Err(failure), Some(job)) = (&used, &self.job) {
            job.docket.enter(Decision {
                event: AuditEvent::Denied,
                action: "secret",
                target: job.target.to_string(),
                by: "host",
                rule: "secret-use",
                reason: &failure.message,
                details: Value::Null,
            });
        }
        Ok(used)
    }

    fn optional(
        &self,
        handle: Option<&Resource<SecretHandle>>,
        wanted: &[SecretUse],
    ) -> wasmtime::Result<Result<Option<Secret>, Failure>> {
        let Some(handle) = handle else { return Ok(Ok(None)) };
        Ok(self.secret(handle, wanted)?.map(Some))
    }

    async fn open(
        &mut self,
        authentication: Vec<Authentication>,
        jumps: Vec<Vec<Authentication>>,
        options: ssh::ConnectOptions,
    ) -> Result<Box<dyn Session>, Failure> {
        let job = self.serving()?;
        self.check_sessions(Phase::Connect)?;
        let host_key_policy = HostKeyPolicy::of(&options.host_key_policy).ok_or_else(|| {
            let other = &options.host_key_policy;
            let message = format!("there is no host key policy {other:?}; use reject, auto_add or warning");
            Failure::new(ErrorKind::InvalidRequest, Phase::HostKey, message)
        })?;
        let operators = job.connector.deadlines();
        let connect_timeout = milliseconds(options.connect_timeout_ms).unwrap_or(operators.connect);
        let work = async {
            let started = Instant::now();
            let addresses = job.admit_way(host_key_policy, &options.host_keys, connect_timeout).await?;
            let request = Connect {
                target: job.target.clone(),
                addresses,
                authentication,
                jumps,
                host_key_policy,
                host_keys: options.host_keys,
                compress: options.compress,
                keepalive: milliseconds(options.keepalive_ms),
                reuse: options.reuse,
                bulk: options.bulk,
                connect_timeout: connect_timeout.saturating_sub(started.elapsed()),
                banner_timeout: milliseconds(options.banner_timeout_ms).unwrap_or(operators.banner),
                auth_timeout: milliseconds(options.auth_timeout_ms).unwrap_or(operators.auth),
            };
            job.connector.connect(request).await
        };
        let session = before_end(&job, work).await?;
        job.warn(session.warnings());
        Ok(session)
    }

    /// Whether one more session or shell may be open.
    pub(crate) fn check_sessions(&self, phase: Phase) -> Result<(), Failure> {
        if self.sessions < self.terms.limits.sessions {
            return Ok(());
        }
        let message = format!("no more than {} sessions may be open; close one", self.terms.limits.sessions);
        Err(Failure::new(ErrorKind::Limit, phase, message))
    }

    async fn execute(
        &mut self,
        session: Arc<dyn Session>,
        asked: ssh::Exec,
        elevation: Option<Elevation>,
    ) -> Result<ssh::Run, Failure> {
        let job = self.serving()?;
        let run = self.next_run()?;
        let asked_timeout = asked.timeout_ms.map_or(Duration::MAX, Duration::from_millis);
        let timeout = asked_timeout.min(job.deadline.time);
        let exec = Exec {
            command: asked.command,
            environment: asked.environment,
            working_directory: asked.working_directory,
            elevation,
            pty: asked.pty,
            stdin: asked.stdin.map(Bytes::from),
            answers: asked.answers,
            timeout,
        };
        let cap = self.terms.limits.output.min(self.output_left / 2);
        let tap = |stream| {
            let capture = Capture::new(cap, &job.scrubber);
            Tap::new(capture, Arc::clone(&job.witness), run, stream, asked.event_size)
        };
        let (mut stdout, mut stderr) = (tap("stdout"), tap("stderr"));
        before_end(&job, job.admit(&Action::Exec(&exec))).await?;
        let mut process = tokio::select! {
            biased; // as in `before_end`
            started = session.start(exec.clone()) => started?,
            failure = job.end() => return Err(in_doubt(failure)),
        };
        let started = Instant::now();
        let ended = follow(&job, &mut process, &mut stdout, &mut stderr).await;
        job.warn(lost(process.lost()));
        let (stdout, stderr) = (stdout.finish(), stderr.finish());
        self.output_left = self.output_left.saturating_sub(stdout.kept() + stderr.kept());
        let (duration, session_reused) = (started.elapsed(), session.reused());
        let exit = ended.clone().unwrap_or(Exit::Unknown);
        // A command that did not end is a result too: what it wrote until then.
        let command = exec.command;
        self.keep_run(
            &job,
            RunResult {
                command,
                exit,
                stdout,
                stderr,
                duration,
                session_reused,
                moved: None,
                parsed: None,
                launched: None,
            },
        );
        ended.map(|_| self.last_run())
    }

    pub(crate) fn last_run(&self) -> ssh::Run {
        let run = self.runs.last().expect("a run was just kept");
        ssh::Run {
            id: u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX),
            exit_status: if let Exit::Status(status) = run.exit { Some(status) } else { None },
            exit_signal: if let Exit::Signal(name) = &run.exit { Some(name.clone()) } else { None },
            stdout: run.stdout.head.iter().take(PREVIEW).copied().collect(),
            stderr: run.stderr.head.iter().take(PREVIEW).copied().collect(),
            stdout_size: run.stdout.total(),
            stderr_size: run.stderr.total(),
        }
    }
}

/// Takes what a command writes until it ends. When the job has to end, the command is stopped first.
async fn follow(job: &JobContext, process: &mut Process, stdout: &mut Tap, stderr: &mut Tap) -> Result<Exit, Failure> {
    let mut over = None;
    let end = job.end();
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            biased; // a command that ends at once starts no timer
            event = process.next() => event,
            failure = &mut end, if over.is_none() => {
                over = Some(failure);
                process.stop();
                continue;
            }
        };
        match event {
            Some(Event::Stdout(bytes)) => stdout.push(&bytes),
            Some(Event::Stderr(bytes)) => stderr.push(&bytes),
            Some(Event::Ended(ended)) => return ended,
            Some(Event::Stopped { confirmed: true }) => return Err(stopped(over, "was stopped")),
            Some(Event::Stopped { confirmed: false }) | None => {
                return Err(stopped(over, "could not be confirmed as stopped"));
            }
        }
    }
}

/// Why a command was stopped, and what became of it.
fn stopped(why: Option<Failure>, what: &str) -> Failure {
    let why = why.unwrap_or_else(|| {
        Failure::new(ErrorKind::ConnectionLost, Phase::Exec, "the session was closed while the command ran")
    });
    Failure { message: format!("{}; the remote process {what}", why.message), ..why }
}

/// Why a command was given up while it started.
fn in_doubt(why: Failure) -> Failure {
    Failure { message: format!("{}; it is not known whether the command had started", why.message), ..why }
}

/// Output that came faster than it could be kept.
fn lost(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| format!("{bytes} bytes of output came faster than they could be read, and are lost"))
}

fn milliseconds(given: Option<u32>) -> Option<Duration> {
    given.map(|milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Gives work up when the job has to end. Dropping the work stops the remote side.
pub(crate) async fn before_end<T>(
    job: &JobContext,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased; // work that is done at once starts no timer
        done = work => done,
        failure = job.end() => Err(failure),
    }
}
