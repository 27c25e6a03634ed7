//! `local-files`: files of the daemon's own machine.

use crate::action::Action;
use crate::audit::Decision;
use crate::bindings::{local_files, types};
use crate::grant::Access;
use crate::host::ssh::before_end;
use crate::instance::State;
use crate::job::JobContext;
use hostler_files::{Place, Slot};
use hostler_model::{AuditEvent, ErrorKind, Failure, Phase};
use hostler_patterns::path::STAGED;
use hostler_remote::LocalPath;
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::task::spawn_blocking;
use wasmtime::component::Resource;

/// What a folder is called.
pub(crate) const FOLDER: &str = "folder";

/// A guest's handle for a file or folder of the daemon that was admitted.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct LocalFileHandle {
    pub(crate) path: LocalPath,
    pub(crate) access: Access,
    pub(crate) kind: &'static str,
    pub(crate) size: Option<u64>,
    /// Where it is a new staged file.
    pub(crate) slot: Option<SharedSlot>,
}

/// Room for a staged file, until the file is there.
pub(crate) type SharedSlot = Arc<Mutex<Option<Slot>>>;

/// What a guest asks for.
enum Asked {
    /// Something in the operator's folders.
    Path(String, Access),
    /// The file that came with the request.
    Staged,
    /// A new staged file.
    Slot(String),
}

impl local_files::Host for State {}

impl local_files::HostLocalFile for State {
    async fn to_read(&mut self, path: String) -> wasmtime::Result<Result<Resource<LocalFileHandle>, types::Error>> {
        self.open_local(Asked::Path(path, Access::Read)).await
    }

    async fn to_write(&mut self, path: String) -> wasmtime::Result<Result<Resource<LocalFileHandle>, types::Error>> {
        self.open_local(Asked::Path(path, Access::Write)).await
    }

    async fn staged(&mut self) -> wasmtime::Result<Result<Resource<LocalFileHandle>, types::Error>> {
        self.open_local(Asked::Staged).await
    }

    async fn to_stage(&mut self, name: String) -> wasmtime::Result<Result<Resource<LocalFileHandle>, types::Error>> {
        self.open_local(Asked::Slot(name)).await
    }

    async fn path(&mut self, file: Resource<LocalFileHandle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&file)?.path.shown.clone())
    }

    async fn kind(&mut self, file: Resource<LocalFileHandle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&file)?.kind.into())
    }

    async fn size(&mut self, file: Resource<LocalFileHandle>) -> wasmtime::Result<Option<u64>> {
        Ok(self.table.get(&file)?.size)
    }

    async fn drop(&mut self, file: Resource<LocalFileHandle>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

impl State {
    async fn open_local(&mut self, asked: Asked) -> wasmtime::Result<Result<Resource<LocalFileHandle>, types::Error>> {
        let admitted = match self.serving() {
            Ok(job) => before_end(&job, admit(&job, asked)).await,
            Err(failure) => Err(failure),
        };
        let opened = match admitted {
            Ok(file) => {
                let pushed = self.table.push(file);
                self.handle(pushed)?
            }
            Err(failure) => Err(failure),
        };
        Ok(opened.map_err(|failure| self.tell(&failure)))
    }
}

async fn admit(job: &JobContext, asked: Asked) -> Result<LocalFileHandle, Failure> {
    match asked {
        Asked::Path(path, access) => admit_path(job, path, access).await,
        Asked::Staged => admit_staged(job).await,
        Asked::Slot(name) => admit_slot(job, name).await,
    }
}

/// Finds a file in the operator's folders, has it judged, and only then looks at it.
async fn admit_path(job: &JobContext, path: String, access: Access) -> Result<LocalFileHandle, Failure> {
    let roots = Arc::clone(&job.files.roots);
    let asked = path.clone();
    let found = blocking(move || roots.find(&asked)).await;
    let Place { folder, path: below, shown } = found.inspect_err(|failure| refused(job, &path, access, failure))?;
    let (action, is_write) = match access {
        Access::Read => (Action::ReadLocalFile(&shown), false),
        Access::Write => (Action::WriteLocalFile(&shown), true),
    };
    job.admit(&action).await?;
    let path = LocalPath { root: folder, path: below, shown };
    let looked = path.clone();
    let (kind, size) = match blocking(move || looked.root.metadata(&looked.path)).await {
        Ok(found) if found.is_file() => ("file", Some(found.len())),
        Ok(found) if found.is_dir() => (FOLDER, None),
        Ok(_) => ("other", None),
        Err(error) if is_write && error.kind() == io::ErrorKind::NotFound => ("nothing", None),
        Err(error) => return Err(unreadable(&path.shown, &error)),
    };
    Ok(LocalFileHandle { path, access, kind, size, slot: None })
}

/// Has the file that came with the request judged, and opens its folder.
async fn admit_staged(job: &JobContext) -> Result<LocalFileHandle, Failure> {
    let id = job.staged.ok_or_else(|| {
        let message = "no file came with the request: send one, or name one of the daemon";
        Failure::new(ErrorKind::NotFound, Phase::Transfer, message)
    })?;
    let staged = Arc::clone(&job.files.staged);
    let about = staged.about(id)?;
    let shown = shown(&about.name);
    job.admit(&Action::ReadLocalFile(&shown)).await?;
    let (root, path) = blocking(move || staged.open_folder(id)).await?;
    let path = LocalPath { root: Arc::new(root), path, shown };
    Ok(LocalFileHandle { path, access: Access::Read, kind: "file", size: Some(about.size), slot: None })
}

/// Makes room for a file that the client is to fetch, and has it judged.
async fn admit_slot(job: &JobContext, name: String) -> Result<LocalFileHandle, Failure> {
    let (staged, owner) = (Arc::clone(&job.files.staged), job.docket.caller.clone());
    let made = blocking(move || {
        let slot = staged.slot(&name, &owner)?;
        slot.folder().map(|folder| (slot, folder))
    });
    let (slot, (root, path)) = made.await?;
    let shown = shown(slot.name());
    job.admit(&Action::WriteLocalFile(&shown)).await?;
    let path = LocalPath { root: Arc::new(root), path, shown };
    let slot = Some(Arc::new(Mutex::new(Some(slot))));
    Ok(LocalFileHandle { path, access: Access::Write, kind: "nothing", size: None, slot })
}

/// A staged file as grants and policies see it: no path of the daemon begins like that.
fn shown(name: &str) -> String {
    format!("{STAGED}{name}")
}

/// Files block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("looking for a file does not panic, and nobody aborts it")
}

/// Writes down what lies outside the operator's folders.
fn refused(job: &JobContext, path: &str, access: Access, failure: &Failure) {
    if failure.kind == ErrorKind::Denied {
        job.docket.enter(Decision {
            event: AuditEvent::Denied,
            action: if access == Access::Read { "read-local-file" } else { "write-local-file" },
            target: job.target.to_string(),
            by: "host",
            rule: "files.roots",
            reason: &failure.message,
            details: json!({"path": path}),
        });
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => {
            (ErrorKind::NotFound, format!("the daemon has no {path}: put it there, or name another file"))
        }
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            format!("the daemon may not look at {path}: let its user read the folder, or name another file"),
        ),
        _ => (ErrorKind::TransferFailed, format!("{path} cannot be looked at: {error}")),
    };
    Failure::new(kind, Phase::Transfer, message).with_detail(error.to_string())
}
