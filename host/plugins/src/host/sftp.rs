//! `sftp`: operations on the files of the job's own target.

pub(crate) mod file;

use crate::action::Action;
use crate::bindings::{sftp, types};
use crate::host::ssh::{SessionHandle, before_end};
use crate::instance::State;
use crate::job::JobContext;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, MAX_PATH, Phase};
use hostler_remote::{Attributes, Entry, FileChange, FileKind, Files, Listing, Session};
use std::sync::Arc;
use wasmtime::component::Resource;

/// A guest's handle for the way to the files of a session. `None` after it was closed.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct SftpHandle(Option<Way>);

/// A way to files.
struct Way {
    session: Arc<dyn Session>,
    /// Opened for the first operation that was admitted.
    files: Option<Arc<dyn Files>>,
}

impl sftp::Host for State {}

impl sftp::HostSftp for State {
    async fn open(
        &mut self,
        session: Resource<SessionHandle>,
    ) -> wasmtime::Result<Result<Resource<SftpHandle>, types::Error>> {
        let session = self.table.get(&session)?.0.clone();
        let way = session.ok_or_else(closed).and_then(|session| {
            if self.sftps < self.terms.limits.sessions {
                return Ok(Way { session, files: None });
            }
            let message = format!("no more than {} ways to files may be open; close one", self.terms.limits.sessions);
            Err(Failure::new(ErrorKind::Limit, Phase::Transfer, message))
        });
        let opened = match way {
            Ok(way) => {
                let pushed = self.table.push(SftpHandle(Some(way)));
                let handle = self.handle(pushed)?;
                self.sftps += usize::from(handle.is_ok());
                handle
            }
            Err(failure) => Err(failure),
        };
        Ok(opened.map_err(|failure| self.tell(&failure)))
    }

    async fn stat(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<sftp::Attributes, types::Error>> {
        self.look(&sftp, &path, |files, path| files.stat(path)).await
    }

    async fn link_stat(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<sftp::Attributes, types::Error>> {
        self.look(&sftp, &path, |files, path| files.link_stat(path)).await
    }

    async fn read_link(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<String, types::Error>> {
        self.look(&sftp, &path, |files, path| files.read_link(path)).await
    }

    async fn list(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<sftp::Listing, types::Error>> {
        self.look(&sftp, &path, |files, path| files.list(path)).await
    }

    async fn read(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        offset: u64,
        size: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let path = &*path;
        self.operate(&sftp, Action::ReadFile { path, local: None, size: None }, |files| async move {
            files.read(path, offset, size).await
        })
        .await
    }

    async fn write(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let (path, content) = (&*path, &*content);
        let action = Action::WriteFile { path, local: None, size: content.len() as u64 };
        self.operate(&sftp, action, |files| async move { files.write(path, content).await }).await
    }

    async fn remove(&mut self, sftp: Resource<SftpHandle>, path: String) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::Remove { path }).await
    }

    async fn rename(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        to: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::Rename { path, to }).await
    }

    async fn make_folder(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::MakeFolder { path }).await
    }

    async fn remove_folder(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::RemoveFolder { path }).await
    }

    async fn symlink(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        to: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::Link { path, to }).await
    }

    async fn set_mode(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        mode: u32,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        self.change(&sftp, FileChange::SetMode { path, mode }).await
    }

    async fn close(&mut self, sftp: Resource<SftpHandle>) -> wasmtime::Result<Result<(), types::Error>> {
        if self.table.get_mut(&sftp)?.0.take().is_some() {
            self.sftps -= 1;
        }
        Ok(Ok(()))
    }

    async fn drop(&mut self, sftp: Resource<SftpHandle>) -> wasmtime::Result<()> {
        if self.table.delete(sftp)?.0.is_some() {
            self.sftps -= 1;
        }
        Ok(())
    }
}

impl State {
    async fn look<T, Told: From<T>>(
        &mut self,
        handle: &Resource<SftpHandle>,
        path: &str,
        work: impl for<'a> FnOnce(&'a dyn Files, &'a str) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> wasmtime::Result<Result<Told, types::Error>> {
        let found =
            self.operate(handle, Action::ListFolder(path), |files| async move { work(&*files, path).await }).await?;
        Ok(found.map(Told::from))
    }

    async fn change(
        &mut self,
        handle: &Resource<SftpHandle>,
        change: FileChange,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let change = &change;
        self.operate(handle, Action::ChangeFile(change), |files| async move { files.change(change).await }).await
    }

    async fn operate<T, F: Future<Output = Result<T, Failure>>>(
        &mut self,
        handle: &Resource<SftpHandle>,
        action: Action<'_>,
        work: impl FnOnce(Arc<dyn Files>) -> F,
    ) -> wasmtime::Result<Result<T, types::Error>> {
        let mut way = self.table.get_mut(handle)?.0.take();
        let done = match (self.serving(), &mut way) {
            (Ok(job), Some(way)) => operate(&job, way, &action, work).await,
            (Ok(_), None) => Err(closed()),
            (Err(failure), _) => Err(failure),
        };
        self.table.get_mut(handle)?.0 = way;
        Ok(done.map_err(|failure| self.tell(&failure)))
    }
}

/// The only way to files: what is asked is checked, then judged, and only then is anything sent.
async fn operate<T, F: Future<Output = Result<T, Failure>>>(
    job: &JobContext,
    way: &mut Way,
    action: &Action<'_>,
    work: impl FnOnce(Arc<dyn Files>) -> F,
) -> Result<T, Failure> {
    check(action)?;
    before_end(job, async {
        job.admit(action).await?;
        // Taken, so that one that is given up midway is closed.
        let files = match way.files.take() {
            Some(files) => files,
            None => way.session.files().await?.into(),
        };
        let done = work(Arc::clone(&files)).await;
        if !done.as_ref().is_err_and(|failure| is_over(&failure.kind)) {
            way.files = Some(files);
        }
        done
    })
    .await
}

/// Whether nobody knows any more where the server is.
fn is_over(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Timeout | ErrorKind::ConnectionLost | ErrorKind::Protocol)
}

/// What is judged must be what happens.
fn check(action: &Action<'_>) -> Result<(), Failure> {
    match action {
        Action::ReadFile { path, .. } | Action::WriteFile { path, .. } | Action::ListFolder(path) => check_path(path),
        Action::ChangeFile(change) => {
            check_path(change.path())?;
            match change {
                FileChange::Rename { to, .. } => check_path(to),
                // It is no path that anybody goes by now.
                FileChange::Link { to, .. } if to.is_empty() || to.len() > MAX_PATH || to.contains('\0') => {
                    Err(invalid(format!("a link holds a text of 1 to {MAX_PATH} bytes without NUL")))
                }
                FileChange::SetMode { mode: 0o10_000.., .. } => {
                    Err(invalid("a mode has twelve bits, such as 0o640; what sort of thing it is cannot be changed"))
                }
                _ => Ok(()),
            }
        }
        Action::Connect { .. }
        | Action::Exec(_)
        | Action::Detach(_)
        | Action::Tend(_)
        | Action::Shell
        | Action::Type(_)
        | Action::TypeSecret(_)
        | Action::ReadLocalFile(_)
        | Action::WriteLocalFile(_) => Ok(()),
    }
}

/// Here the root and the user's home may be meant, too.
pub(crate) fn check_path(path: &str) -> Result<(), Failure> {
    if matches!(path, "/" | ".") { Ok(()) } else { hostler_model::check_path(path) }
}

fn closed() -> Failure {
    invalid("the way to the files is closed; open it again")
}

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::InvalidRequest, Phase::Transfer, message)
}

impl From<Attributes> for sftp::Attributes {
    fn from(attributes: Attributes) -> Self {
        let Attributes { kind, size, mode, user, group, modified } = attributes;
        let kind = match kind {
            FileKind::File => "file",
            FileKind::Folder => "folder",
            FileKind::Link => "link",
            FileKind::Other => "other",
        };
        let modified_ms = modified.map(|seconds| u64::from(seconds) * 1000);
        Self { kind: kind.into(), size, mode, user, group, modified_ms }
    }
}

impl From<Listing> for sftp::Listing {
    fn from(listing: Listing) -> Self {
        let Listing { entries, cut, unnameable } = listing;
        let entry = |Entry { name, attributes }| sftp::Entry { name, attributes: attributes.into() };
        Self { entries: entries.into_iter().map(entry).collect(), cut, unnameable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_and_the_home_have_one_spelling_each() {
        for path in ["/", ".", "/etc/motd"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in ["", "..", "//", "/.", "./", "./."] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}
