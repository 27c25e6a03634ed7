//! One call of each function that acts on a server, as a well-behaved driver would make it.

use crate::shells::open;
use crate::{files, session};
use hostler_sdk::secrets;
use hostler_sdk::sftp::Sftp;
use hostler_sdk::shell::Shell;
use hostler_sdk::ssh::{Exec, Session};
use hostler_sdk::{Error, Job};

/// Makes the call `INTERFACE.FUNCTION`, after those that it needs.
pub(crate) fn make(function: &str, path: &str, job: &Job) -> Result<(), Error> {
    let session = session(job)?;
    match function {
        "ssh.connect" => Ok(()),
        "ssh.run" => session.run(&Exec::new("touch made")).map(drop),
        "shell.open" => open(&session).map(drop),
        "shell.write" => typed(&session, |shell| shell.write(b"touch made\n")),
        "shell.write-secret" => typed(&session, |shell| shell.write_secret(&secrets::get("driver_args.pin")?)),
        _ => files::call(&Sftp::open(&session)?, function.trim_start_matches("sftp."), path, "made"),
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
