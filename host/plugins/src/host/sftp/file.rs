//! `sftp.file`: a file of the target that is open.

use super::{SftpHandle, check, invalid, is_over};
use crate::action::Action;
use crate::bindings::{sftp, types};
use crate::host::ssh::before_end;
use crate::instance::State;
use crate::job::JobContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::Failure;
use hostler_remote::{Create, File, Files, OpenMode};
use std::sync::Arc;
use wasmtime::component::Resource;

/// A guest's handle for an open file. `None` after it was closed.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct FileHandle(Option<Open>);

struct Open {
    path: String,
    file: Box<dyn File>,
    /// What it was opened through, and works no longer than.
    #[expect(dead_code, reason = "it is held for its drop")]
    files: Arc<dyn Files>,
}

impl sftp::HostFile for State {
    async fn open(
        &mut self,
        sftp: Resource<SftpHandle>,
        path: String,
        mode: sftp::OpenMode,
    ) -> wasmtime::Result<Result<Resource<FileHandle>, types::Error>> {
        let opened = match read(&mode) {
            Ok(mode) => self.open_file(&sftp, path, mode).await?,
            Err(failure) => Err(self.tell(&failure)),
        };
        Ok(match opened {
            Ok(open) => {
                let pushed = self.table.push(FileHandle(Some(open)));
                self.handle(pushed)?.map_err(|failure| self.tell(&failure))
            }
            Err(error) => Err(error),
        })
    }

    async fn stat(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<Result<sftp::Attributes, types::Error>> {
        let found = self.use_file(&file, |path| Action::ListFolder(path), |file| file.stat()).await?;
        Ok(found.map(sftp::Attributes::from))
    }

    async fn read(
        &mut self,
        file: Resource<FileHandle>,
        offset: u64,
        size: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        self.use_file(&file, reading, |file| file.read(offset, size)).await
    }

    async fn write(
        &mut self,
        file: Resource<FileHandle>,
        offset: u64,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let size = offset.saturating_add(content.len() as u64);
        self.use_file(&file, |path| writing(path, size), |file| put(file, offset, content).boxed()).await
    }

    async fn close(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<Result<(), types::Error>> {
        let Some(open) = self.table.get_mut(&file)?.0.take() else { return Ok(Ok(())) };
        let closed = match self.serving() {
            // What an allowed write has left to say is no action of its own.
            Ok(job) => before_end(&job, open.file.close()).await,
            Err(failure) => Err(failure),
        };
        Ok(closed.map_err(|failure| self.tell(&failure)))
    }

    async fn drop(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

impl State {
    /// Each thing that it is opened for is judged.
    async fn open_file(
        &mut self,
        sftp: &Resource<SftpHandle>,
        path: String,
        mode: OpenMode,
    ) -> wasmtime::Result<Result<Open, types::Error>> {
        let name = &*path;
        let action = if mode.write { writing(name, 0) } else { reading(name) };
        if mode.read && mode.write {
            let asked = match self.serving() {
                Ok(job) => ask(&job, &reading(name)).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = asked {
                return Ok(Err(self.tell(&failure)));
            }
        }
        let open = |files: Arc<dyn Files>| async move { Ok((files.open(name, mode).await?, files)) };
        let opened = self.operate(sftp, action, open).await?;
        Ok(opened.map(|(file, files)| Open { path, file, files }))
    }

    async fn use_file<T>(
        &mut self,
        handle: &Resource<FileHandle>,
        action: impl FnOnce(&str) -> Action<'_>,
        work: impl for<'a> FnOnce(&'a dyn File) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> wasmtime::Result<Result<T, types::Error>> {
        // Taken, so that one that is given up midway is closed.
        let mut open = self.table.get_mut(handle)?.0.take();
        let done = match (self.serving(), &open) {
            (Ok(job), Some(Open { path, file, .. })) => match ask(&job, &action(path)).await {
                Ok(()) => before_end(&job, work(&**file)).await,
                Err(failure) => Err(failure),
            },
            (Ok(_), None) => Err(invalid("the file is closed; open it again")),
            (Err(failure), _) => Err(failure),
        };
        if done.as_ref().is_err_and(|failure| is_over(&failure.kind)) {
            open = None;
        }
        self.table.get_mut(handle)?.0 = open;
        Ok(done.map_err(|failure| self.tell(&failure)))
    }
}

async fn ask(job: &JobContext, action: &Action<'_>) -> Result<(), Failure> {
    check(action)?;
    before_end(job, job.admit(action)).await
}

async fn put(file: &dyn File, offset: u64, content: Vec<u8>) -> Result<(), Failure> {
    file.write(offset, &content).await
}

fn reading(path: &str) -> Action<'_> {
    Action::ReadFile { path, local: None, size: None }
}

fn writing(path: &str, size: u64) -> Action<'_> {
    Action::WriteFile { path, local: None, size }
}

/// Reads what a guest asks for, which may be nonsense.
fn read(mode: &sftp::OpenMode) -> Result<OpenMode, Failure> {
    let sftp::OpenMode { read, write, create } = mode;
    let create = match &**create {
        "never" => Create::Never,
        "missing" => Create::Missing,
        "empty" => Create::Empty,
        "new" => Create::New,
        other => return Err(invalid(format!("a file cannot be made {other:?}; use never, missing, empty or new"))),
    };
    if !read && !write {
        return Err(invalid("open the file to read it, to write it, or both"));
    }
    if create != Create::Never && !write {
        return Err(invalid("a file is only made by whoever opens it to write"));
    }
    Ok(OpenMode { read: *read, write: *write, create })
}
