//! Attacks on the files of a server.

use crate::session;
use hostler_sdk::local_files::LocalFile;
use hostler_sdk::sftp::{File, OpenMode, Sftp};
use hostler_sdk::ssh::{Exec, Session};
use hostler_sdk::transfer::{Options, download, upload};
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
                let outcome = match text(0) {
                    "upload" => send(&session, text(1), text(2)),
                    "download" => fetch(&session, text(1), text(2)),
                    name => call(&files, name, text(1), text(2)),
                };
                tell(text(0), outcome);
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
        "closed-file" => {
            let session = session(job)?;
            let files = Sftp::open(&session)?;
            let file = File::open(&files, "/etc/hostname", &OpenMode::default())?;
            file.close()?;
            file.close()?;
            file.read(0, 1)?;
        }
        "odd-mode" => odd(job, true, "sometimes")?,
        "mode-of-nothing" => odd(job, false, "never")?,
        "made-to-read" => odd(job, false, "empty")?,
        "odd-link" => Sftp::open(&session(job)?)?.symlink("/home/admin/granted/link", "a\0b")?,
        "wrong-direction" => {
            let session = session(job)?;
            upload(&session, &LocalFile::to_write("absent")?, "/home/admin/granted/x", &Options::default())?;
        }
        "odd-compare" => odd_transfer(job, &Options { compare: "by-heart".into(), ..Options::default() })?,
        "odd-links" => odd_transfer(job, &Options { links: "hard".into(), ..Options::default() })?,
        "odd-hash" => odd_transfer(job, &Options { verify: Some("crc32".into()), ..Options::default() })?,
        "odd-file-mode" => odd_transfer(job, &Options { mode: Some(0o104_755), ..Options::default() })?,
        "odd-request-size" => odd_transfer(job, &Options { request_size: Some(0), ..Options::default() })?,
        "transfer-when-closed" => {
            let session = session(job)?;
            let local = LocalFile::to_read("present")?;
            session.close()?;
            upload(&session, &local, "/home/admin/granted/x", &Options::default())?;
        }
        "many-local-files" => {
            let open: Result<Vec<_>, _> = (0..1_000).map(|_| LocalFile::to_read("present")).collect();
            open?;
        }
        "forged-local-file" => drop(forged_local(0xffff).path()),
        "session-as-local-file" => drop(forged_local(session(job)?.handle()).path()),
        "local-file-as-file" => drop(forged_file(LocalFile::to_read("present")?.handle()).read(0, 1)?),
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
        "link-stat" => files.link_stat(path).map(drop),
        "read-link" => files.read_link(path).map(drop),
        "symlink" => files.symlink(path, other),
        "open" => File::open(files, path, &OpenMode::default()).map(drop),
        "open-to-write" => {
            let mode = OpenMode { read: false, write: true, create: "missing".into() };
            File::open(files, path, &mode)?.write(0, other.as_bytes())
        }
        "write-far" => {
            let mode = OpenMode { read: false, write: true, create: "missing".into() };
            File::open(files, path, &mode)?.write(1 << 40, b"x")
        }
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

/// Uploads a folder of the daemon to a path, and downloads one from there.
fn send(session: &Session, path: &str, local: &str) -> Result<(), Error> {
    upload(session, &LocalFile::to_read(local)?, path, &whole()).map(drop)
}

fn fetch(session: &Session, path: &str, local: &str) -> Result<(), Error> {
    download(session, path, &LocalFile::to_write(local)?, &whole()).map(drop)
}

fn whole() -> Options {
    Options { recursive: true, make_folders: true, ..Options::default() }
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

fn odd(job: &Job, write: bool, create: &str) -> Result<(), Error> {
    let mode = OpenMode { read: create == "empty", write, create: create.into() };
    File::open(&Sftp::open(&session(job)?)?, "/home/admin/granted/other", &mode).map(drop)
}

fn odd_transfer(job: &Job, options: &Options) -> Result<(), Error> {
    upload(&session(job)?, &LocalFile::to_read("present")?, "/home/admin/granted/x", options).map(drop)
}

/// Handles that the host never gave for files.
#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn forged_local(handle: u32) -> LocalFile {
    unsafe { LocalFile::from_handle(handle) }
}

#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn forged_file(handle: u32) -> File {
    unsafe { File::from_handle(handle) }
}

#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn forged(handle: u32) -> Sftp {
    unsafe { Sftp::from_handle(handle) }
}
