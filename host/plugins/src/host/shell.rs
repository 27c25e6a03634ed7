//! `shell`: interactive sessions with the job's own target.

use crate::action::Action;
use crate::bindings::{shell, types};
use crate::expect::Patterns;
use crate::host::results::Reading;
use crate::host::secrets::SecretHandle;
use crate::host::ssh::{SessionHandle, before_end};
use crate::instance::State;
use crate::screen::Screen;
use bytes::Bytes;
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use hostler_remote::{Session, ShellRequest};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::Instant;
use wasmtime::component::Resource;
use zeroize::Zeroizing;

/// Time in which a server must give a shell.
const OPENING: Duration = Duration::from_secs(30);

/// Characters in a line, and lines on a page.
const LARGEST: u32 = 10_000;

/// A guest's handle for a shell. `None` after it was closed.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct ShellHandle(Option<Screen>);

impl ShellHandle {
    fn screen(&mut self) -> Result<&mut Screen, Failure> {
        let message = "the shell is closed; open another one";
        self.0.as_mut().ok_or_else(|| Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message))
    }
}

impl shell::Host for State {}

impl shell::HostShell for State {
    async fn open(
        &mut self,
        session: Resource<SessionHandle>,
        options: shell::ShellOptions,
    ) -> wasmtime::Result<Result<Resource<ShellHandle>, types::Error>> {
        let opened = match self.table.get(&session)?.session() {
            Ok(session) => self.open_shell(session, options).await,
            Err(failure) => Err(failure),
        };
        let opened = match opened {
            Ok(screen) => {
                let pushed = self.table.push(ShellHandle(Some(screen)));
                self.handle(pushed)?
            }
            Err(failure) => Err(failure),
        };
        self.sessions += usize::from(opened.is_ok());
        Ok(opened.map_err(|failure| self.tell(&failure)))
    }

    async fn write(
        &mut self,
        shell: Resource<ShellHandle>,
        text: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let typed = match String::from_utf8(text) {
            Ok(text) => self.type_in(&shell, &Action::Type(&text), text.clone().into()).await?,
            // What a policy cannot read, it cannot judge.
            Err(_) => Err(invalid("only UTF-8 can be typed".into())),
        };
        Ok(typed.map_err(|failure| self.tell(&failure)))
    }

    async fn write_secret(
        &mut self,
        shell: Resource<ShellHandle>,
        secret: Resource<SecretHandle>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let (path, secret) = self.table.get(&secret)?.with_path();
        let typed = match keys(&path, &secret) {
            Ok(keys) => self.type_in(&shell, &Action::TypeSecret(&path), keys).await?,
            Err(failure) => Err(failure),
        };
        Ok(typed.map_err(|failure| self.tell(&failure)))
    }

    async fn expect(
        &mut self,
        shell: Resource<ShellHandle>,
        patterns: Vec<String>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<shell::Found, types::Error>> {
        let run = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        let asked = self.serving().and_then(|job| Ok((job, block_in_place(|| Patterns::new(&patterns))?)));
        let Self { table, shown, .. } = self;
        let found = match (asked, table.get_mut(&shell)?.screen()) {
            (Ok((job, patterns)), Ok(screen)) => {
                let show = |bytes: &[u8]| {
                    job.witness.output(crate::Piece { run, stream: "shell", offset: *shown, bytes });
                    *shown += bytes.len() as u64;
                };
                let patience = Duration::from_millis(timeout_ms.into());
                before_end(&job, screen.expect(&patterns, patience, show)).await
            }
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        let found = found.map(|found| shell::Found {
            pattern: u32::try_from(found.pattern).unwrap_or(u32::MAX),
            before: found.before,
            matched: found.matched,
        });
        Ok(found.map_err(|failure| self.tell(&failure)))
    }

    async fn close(&mut self, shell: Resource<ShellHandle>) -> wasmtime::Result<Result<(), types::Error>> {
        if self.table.get_mut(&shell)?.0.take().is_some() {
            self.sessions -= 1;
        }
        Ok(Ok(()))
    }

    async fn drop(&mut self, shell: Resource<ShellHandle>) -> wasmtime::Result<()> {
        if self.table.delete(shell)?.0.is_some() {
            self.sessions -= 1;
        }
        Ok(())
    }
}

impl State {
    async fn open_shell(&mut self, session: Arc<dyn Session>, options: shell::ShellOptions) -> Result<Screen, Failure> {
        let job = self.serving()?;
        self.check_sessions(Phase::Exec)?;
        let request = request(options, job.deadline.at.saturating_duration_since(Instant::now()))?;
        let shell = before_end(&job, async {
            job.admit(&Action::Shell).await?;
            session.shell(request).await
        })
        .await?;
        self.reading = Some(Reading { since: Instant::now(), session_reused: session.reused() });
        Ok(Screen::new(shell, job.scrubber.stream(), self.terms.limits.output))
    }

    async fn type_in(
        &mut self,
        shell: &Resource<ShellHandle>,
        action: &Action<'_>,
        keys: Bytes,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let job = match self.serving() {
            Ok(job) => job,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(match self.table.get_mut(shell)?.screen() {
            Ok(screen) => {
                before_end(&job, async {
                    job.admit(action).await?;
                    screen.write(keys).await
                })
                .await
            }
            Err(failure) => Err(failure),
        })
    }
}

/// A terminal's name goes to the server's environment, and programs find its description by it.
fn request(options: shell::ShellOptions, timeout: Duration) -> Result<ShellRequest, Failure> {
    let shell::ShellOptions { terminal, columns, rows } = options;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    if terminal.is_empty() || terminal.len() > 64 || !terminal.bytes().all(is_name) {
        return Err(invalid(format!("{terminal:?} names no terminal; use one such as vt100")));
    }
    if [columns, rows].iter().any(|size| !(1..=LARGEST).contains(size)) {
        return Err(invalid(format!("a terminal has 1 to {LARGEST} columns and rows, not {columns} and {rows}")));
    }
    Ok(ShellRequest { terminal, columns, rows, open_timeout: OPENING, timeout })
}

/// What typing a secret sends; wiped once it is sent.
fn keys(path: &str, secret: &Secret) -> Result<Bytes, Failure> {
    // Policies do not see it, so it must not be a line, or several, of its own.
    if secret.expose().chars().any(char::is_control) {
        return Err(invalid(format!("{path} holds control characters, so it cannot be typed")));
    }
    Ok(Bytes::from_owner(Zeroizing::new(secret.expose().as_bytes().to_vec())))
}

fn invalid(message: String) -> Failure {
    Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message)
}
