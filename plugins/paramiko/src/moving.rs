//! A transfer, and what is run after it.

use crate::transfer::{FileTransfer, Operation};
use hostler_sdk::driver::Item;
use hostler_sdk::local_files::LocalFile;
use hostler_sdk::results::{Made, keep};
use hostler_sdk::sftp::Sftp;
use hostler_sdk::ssh::{Run, Session};
use hostler_sdk::transfer::{download, upload};
use hostler_sdk::{Error, log};

/// A transfer whose file of the daemon was admitted.
pub(crate) struct Moving<'a> {
    asked: &'a FileTransfer,
    local: LocalFile,
}

impl<'a> Moving<'a> {
    /// Asks for the daemon's file. It needs no session, so nobody logs in for what may not be moved.
    pub(crate) fn admitted(asked: &'a FileTransfer) -> Result<Self, Error> {
        let local = match (asked.operation, &asked.local_path) {
            (Operation::Upload, Some(path)) => LocalFile::to_read(path),
            (Operation::Upload, None) => LocalFile::staged(),
            (Operation::Download, Some(path)) => LocalFile::to_write(path),
            (Operation::Download, None) => LocalFile::to_stage(asked.name().unwrap_or_default()),
        };
        Ok(Self { asked, local: local? })
    }

    /// Moves it, and has `run` run what is asked for then.
    pub(crate) fn carry_out(
        &self,
        session: &Session,
        run: impl Fn(&str) -> Result<Run, Error>,
    ) -> Result<Vec<Item>, Error> {
        let Self { asked, local } = self;
        let (path, options) = (&asked.remote_path, asked.options());
        let (key, moved) = match asked.operation {
            Operation::Upload => ("file_transfer_upload", upload(session, local, path, &options)?),
            Operation::Download => ("file_transfer_download", download(session, path, local, &options)?),
        };
        let mut items = vec![Item { command: key.into(), run: moved.id }];
        if !asked.executes() {
            return Ok(items);
        }
        let command = asked.command();
        if moved.failed > 0 {
            log::tell(&format!(
                "`{command}` was not run, because {} of what it may need was not uploaded.",
                moved.failed
            ));
            return Ok(items);
        }
        let ran = run(&command)?;
        items.push(Item { run: ran.id, command });
        if asked.cleans_up() {
            if ran.exit_status == Some(0) {
                items.push(remove(session, path)?);
            } else {
                log::tell(&format!("`{path}` was kept on the server, because what was run did not succeed."));
            }
        }
        Ok(items)
    }
}

/// Removes what was run. If that fails, what was run has succeeded all the same.
fn remove(session: &Session, path: &str) -> Result<Item, Error> {
    let removed = Sftp::open(session).and_then(|files| files.remove(path));
    let command = format!("rm -f {path}");
    let (output, exit_status) = match removed {
        Ok(()) => (Vec::new(), Some(0)),
        Err(error) => (error.message.into_bytes(), Some(1)),
    };
    let run = keep(&Made { command: command.clone(), output, exit_status })?;
    Ok(Item { command, run })
}
