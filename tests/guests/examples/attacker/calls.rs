//! One call of each function that acts on a server, as a well-behaved driver would make it.

use crate::shells::open;
use crate::{files, session};
use hostler_sdk::local_files::LocalFile;
use hostler_sdk::secrets;
use hostler_sdk::sftp::{File, OpenMode, Sftp};
use hostler_sdk::shell::Shell;
use hostler_sdk::ssh::{Exec, Session};
use hostler_sdk::transfer::{Options, download, upload};
use hostler_sdk::{Error, Job};

/// Makes the call `INTERFACE.FUNCTION`, after those that it needs.
pub(crate) fn make(function: &str, path: &str, job: &Job) -> Result<(), Error> {
    match function {
        "local-files.to-read" => return LocalFile::to_read("present").map(drop),
        "local-files.to-stage" => return LocalFile::to_stage("made").map(drop),
        "local-files.to-write" => return LocalFile::to_write("absent").map(drop),
        _ => {}
    }
    let session = session(job)?;
    match function {
        "transfer.upload" => {
            let local = LocalFile::to_read("present")?;
            upload(&session, &local, path, &Options::default()).map(drop)
        }
        "transfer.download" => {
            let local = LocalFile::to_write("absent")?;
            download(&session, path, &local, &Options::default()).map(drop)
        }
        "ssh.connect" => Ok(()),
        "ssh.run" => session.run(&Exec::new("touch made")).map(drop),
        "shell.open" => open(&session).map(drop),
        "shell.write" => typed(&session, |shell| shell.write(b"touch made\n")),
        "shell.write-secret" => typed(&session, |shell| shell.write_secret(&secrets::get("driver_args.pin")?)),
        _ if function.starts_with("sftp.file.") => {
            handle(&Sftp::open(&session)?, function.trim_start_matches("sftp.file."), path)
        }
        _ => files::call(&Sftp::open(&session)?, function.trim_start_matches("sftp."), path, "made"),
    }
}

/// Makes one call of an open file. To write needs to open it so, which is judged alike.
fn handle(files: &Sftp, function: &str, path: &str) -> Result<(), Error> {
    let write = OpenMode { read: false, write: true, create: "empty".into() };
    let open = |mode: &OpenMode| File::open(files, path, mode);
    match function {
        "open" => open(&OpenMode::default()).map(drop),
        "stat" => open(&OpenMode::default())?.stat().map(drop),
        "read" => open(&OpenMode::default())?.read(0, 100).map(drop),
        "write" => open(&write)?.write(0, b"made"),
        _ => Err(Error::new("no-such-call", "plugin", function)),
    }
}

/// Types, and looks at the terminal whether it arrived, also where it was refused.
fn typed(session: &Session, keys: impl FnOnce(&Shell) -> Result<(), Error>) -> Result<(), Error> {
    let shell = open(session)?;
    let refused = keys(&shell);
    let patience = if refused.is_ok() { 20_000 } else { 1_000 };
    // A secret is shown as stars.
    match (shell.expect(&["touch made".into(), r"\*{6}".into()], patience), refused) {
        (Ok(_), Err(_)) => Err(Error::new("typed", "exec", "It was refused, and typed.")),
        (shown, Ok(())) => shown.map(drop),
        (Err(_), refused) => refused,
    }
}
