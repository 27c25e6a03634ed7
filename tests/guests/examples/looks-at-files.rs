//! Carries out the list `driver_args.operations` on the files of its server, and tells of each what came of it, as
//! JSON. Leaves everything open at the end. Proves what the interface `sftp` does, and what it refuses.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::sftp::{Attributes, File, OpenMode, Sftp};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Session};
use hostler_sdk::{Error, Job, Problem, Request, log};
use serde_json::{Value, json};

/// The driver.
pub struct LooksAtFiles;

impl Driver for LooksAtFiles {
    fn describe() -> Description {
        let driver_schema = r#"{"type": "object", "properties": {"operations": {"type": "array"}}}"#.into();
        Description { driver_schema, ..driver("looks-at-files") }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let arguments: Value = serde_json::from_str(&job.request.driver_args).unwrap_or_default();
        let password = job.request.secret("connection_args.password")?;
        let authentication: Vec<_> = password.as_ref().map(Authentication::Password).into_iter().collect();
        let options = ConnectOptions { host_key_policy: "auto_add".into(), reuse: true, ..ConnectOptions::default() };
        let session = Session::connect(&authentication, &[], &options)?;
        let mut files = vec![Sftp::open(&session)?];
        for operation in arguments["operations"].as_array().into_iter().flatten() {
            let told = match operate(&session, &mut files, operation) {
                Ok(value) => value,
                Err(error) => json!({"kind": error.kind, "phase": error.phase, "message": error.message}),
            };
            log::tell(&told.to_string());
        }
        Ok(vec![])
    }
}

fn operate(session: &Session, opened: &mut Vec<Sftp>, operation: &Value) -> Result<Value, Error> {
    let text = |index: usize| operation[index].as_str().unwrap_or_default();
    let number = |index: usize| operation[index].as_u64().unwrap_or_default();
    let small = |index| u32::try_from(number(index)).unwrap_or(u32::MAX);
    let done = |()| json!("done");
    let files = opened.last().expect("one was opened at the start");
    match text(0) {
        "open" => {
            opened.push(Sftp::open(session)?);
            Ok(json!("done"))
        }
        "run" => session.run(&Exec::new(text(1))).map(|_| json!({"kind": "ran"})),
        "close" => files.close().map(done),
        "close session" => session.close().map(done),
        "stat" => files.stat(text(1)).map(|attributes| json(&attributes)),
        "list" => files.list(text(1)).map(|listing| {
            let mut entries: Vec<_> =
                listing.entries.iter().map(|entry| json!([entry.name, entry.attributes.kind])).collect();
            entries.sort_by_key(Value::to_string);
            entries.truncate(20);
            json!({"size": listing.entries.len(), "first": entries, "cut": listing.cut, "unnameable": listing.unnameable})
        }),
        "read" => files.read(text(1), number(2), small(3)).map(|content| json!(String::from_utf8_lossy(&content))),
        "sum" => sum(files, text(1), small(2)),
        "write" => files.write(text(1), text(2).as_bytes()).map(done),
        "fill" => files.write(text(1), &vec![b'x'; small(2) as usize]).map(done),
        "link-stat" => files.link_stat(text(1)).map(|attributes| json(&attributes)),
        "read-link" => files.read_link(text(1)).map(|to| json!(to)),
        "symlink" => files.symlink(text(1), text(2)).map(done),
        "piecewise" => piecewise(files, text(1), text(2)),
        "remove" => files.remove(text(1)).map(done),
        "rename" => files.rename(text(1), text(2)).map(done),
        "make-folder" => files.make_folder(text(1)).map(done),
        "remove-folder" => files.remove_folder(text(1)).map(done),
        "set-mode" => files.set_mode(text(1), small(2)).map(done),
        other => Err(Error::new("unknown", "plugin", other)),
    }
}

fn json(attributes: &Attributes) -> Value {
    let Attributes { kind, size, mode, user, group, modified_ms } = attributes;
    json!({"kind": kind, "size": size, "mode": mode, "user": user, "group": group, "modified-ms": modified_ms})
}

/// Writes a file from its end on, with a hole, and reads it through the same handle.
fn piecewise(files: &Sftp, path: &str, create: &str) -> Result<Value, Error> {
    let file = File::open(files, path, &OpenMode { read: true, write: true, create: create.into() })?;
    file.write(10, b"end")?;
    file.write(0, b"start")?;
    let content = file.read(0, 100)?;
    let size = file.stat()?.size;
    let far = file.read(size.unwrap_or_default(), 1)?.len();
    file.close()?;
    Ok(json!([String::from_utf8_lossy(&content), size, far]))
}

/// Reads a whole file in pieces: how many came, their bytes, and the sum of all bytes.
fn sum(files: &Sftp, path: &str, piece: u32) -> Result<Value, Error> {
    let (mut pieces, mut size, mut sum) = (0, 0, 0);
    loop {
        let content = files.read(path, size, piece)?;
        pieces += 1;
        size += content.len() as u64;
        sum += content.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        if content.len() < piece as usize {
            return Ok(json!({"pieces": pieces, "size": size, "sum": sum}));
        }
    }
}

hostler_sdk::driver!(LooksAtFiles);
