//! Attacks on the files of a server.

use crate::session;
use hostler_sdk::sftp::Sftp;
use hostler_sdk::ssh::{Exec, Session};
use hostler_sdk::{Error, Job, log, secrets};
use serde_json::{Map, Value, json};

/// Does what the attack is called, if it is one of these.
pub(crate) fn attack(name: &str, job: &Job) -> Result<(), Error> {
    match name {
        "files" => {
            let session = session(job)?;
            let files = Sftp::open(&session)?;
            let args: Map<String, Value> = serde_json::from_str(&job.request.driver_args).unwrap_or_default();
            for line in args.get("calls").and_then(Value::as_array).into_iter().flatten() {
                let text = |index: usize| line[index].as_str().unwrap_or_default();
                tell(text(0), call(&files, text(0), text(1), text(2)));
            }
        }
        "upload-and-run" => upload_and_run(job)?,
        "many-files" => {
            let session = session(job)?;
            let open: Result<Vec<_>, _> = (0..100).map(|_| Sftp::open(&session)).collect();
            open?;
        }
        "closed-files" => {
            let session = session(job)?;
            let files = Sftp::open(&session)?;
            files.close()?;
            files.close()?;
            files.stat("/etc")?;
        }
        "giant-file" => drop(Sftp::open(&session(job)?)?.write("/home/admin/granted/x", &vec![b'x'; 9 << 20])?),
        "forged-files" => drop(forged(0xffff).stat("/etc")?),
        "session-as-files" => drop(forged(session(job)?.handle()).stat("/etc")?),
        "secret-as-files" => forged(secrets::get("driver_args.pin")?.handle()).write("/etc/x", b"x")?,
        "files-as-session" => {
            let session = session(job)?;
            let files = Sftp::open(&session)?;
            crate::unsafe_session(files.handle()).run(&Exec::new("id"))?;
        }
        _ => {}
    }
    Ok(())
}

/// Makes one call; `other` is the second path of a call that has two, or what is written.
pub(crate) fn call(files: &Sftp, name: &str, path: &str, other: &str) -> Result<(), Error> {
    match name {
        "stat" => files.stat(path).map(drop),
        "list" => files.list(path).map(drop),
        "read" => files.read(path, 0, 100).map(|content| log::info(&String::from_utf8_lossy(&content))),
        "write" => files.write(path, other.as_bytes()),
        "remove" => files.remove(path),
        "rename" => files.rename(path, other),
        "make-folder" => files.make_folder(path),
        "remove-folder" => files.remove_folder(path),
        "set-mode" => files.set_mode(path, 0o755),
        _ => Err(Error::new("no-such-call", "plugin", name)),
    }
}

/// Writes a script where it may, in every way that makes it a program, and runs it as the request says.
fn upload_and_run(job: &Job) -> Result<(), Error> {
    let session = session(job)?;
    let files = Sftp::open(&session)?;
    for path in ["/home/admin/granted/script", "/home/admin/granted/id"] {
        files.write(path, b"#!/bin/sh\ntouch /home/admin/ran\n")?;
        files.set_mode(path, 0o755)?;
    }
    for command in job.request.command.iter().flatten() {
        tell(command, run(&session, &Exec::new(command.as_str())));
    }
    let folder = || Some("/home/admin/granted".into());
    tell("there", run(&session, &Exec { working_directory: folder(), ..Exec::new("./script") }));
    let environment = vec![("PATH".into(), "/home/admin/granted".into())];
    tell("by path", run(&session, &Exec { environment, ..Exec::new("id") }));
    tell("by input", run(&session, &Exec { stdin: Some(b"touch /home/admin/ran\n".into()), ..Exec::new("id") }));
    Ok(())
}

fn run(session: &Session, exec: &Exec<'_>) -> Result<(), Error> {
    session.run(exec).map(drop)
}

fn tell(call: &str, outcome: Result<(), Error>) {
    let told = match outcome {
        Ok(()) => json!([call, "done", ""]),
        Err(error) => json!([call, error.kind, error.phase]),
    };
    log::tell(&told.to_string());
}

/// A handle that the host never gave for files.
#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn forged(handle: u32) -> Sftp {
    unsafe { Sftp::from_handle(handle) }
}
