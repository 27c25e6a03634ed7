//! Attacks on interactive sessions, on what is typed and waited for there, and on the results made of it.

use crate::session;
use hostler_sdk::driver::Item;
use hostler_sdk::results::{self, Made};
use hostler_sdk::secrets;
use hostler_sdk::shell::{Shell, ShellOptions};
use hostler_sdk::ssh::{Exec, Session};
use hostler_sdk::{Error, Job};

/// Milliseconds to wait for what should come, and for what should not.
const LONG: u32 = 20_000;
const SHORT: u32 = 300;

/// Does what the attack is called, if it is one of these.
pub(crate) fn attack(name: &str, job: &Job) -> Result<(), Error> {
    match name {
        "open-shell" => open(&session(job)?).map(drop),
        "odd-terminal" => open_with(job, &ShellOptions { terminal: "vt100\n; id".into(), ..ShellOptions::default() }),
        "flat-terminal" => open_with(job, &ShellOptions { rows: 0, ..ShellOptions::default() }),
        "huge-terminal" => open_with(job, &ShellOptions { columns: u32::MAX, ..ShellOptions::default() }),
        "many-shells" => {
            let session = session(job)?;
            let open: Result<Vec<_>, _> = (0..100).map(|_| open(&session)).collect();
            open.map(drop)
        }
        "type-bytes" => open(&session(job)?)?.write(b"\xff\xfe\n"),
        "type-giant" => open(&session(job)?)?.write(&vec![b'x'; 9 << 20]),
        "type-password" => open(&session(job)?)?.write_secret(&secrets::get("connection_args.password")?),
        "type-pin" => {
            let session = session(job)?;
            let shell = open(&session)?;
            shell.write(b"read pin; echo =${#pin}=\n")?;
            shell.write_secret(&secrets::get("driver_args.pin")?)?;
            shell.write(b"\n")?;
            shell.expect(&["=10=".into()], LONG).map(drop)
        }
        "type-when-closed" => closed(&session(job)?)?.write(b"id\n"),
        "type-secret-when-closed" => closed(&session(job)?)?.write_secret(&secrets::get("driver_args.pin")?),
        "wait-when-closed" => closed(&session(job)?)?.expect(&["x".into()], SHORT).map(drop),
        "bad-pattern" => wait(job, &["(never closed".into()]),
        "pattern-bomb" => wait(job, &["(((a{100}){100}){100}){100}".into()]),
        "deep-pattern" => wait(job, &["(".repeat(2_000) + "a" + &")".repeat(2_000)]),
        "back-reference" => wait(job, &[r"(a+)\1".into()]),
        "many-patterns" => wait(job, &vec!["a".into(); 1_000]),
        "long-pattern" => wait(job, &["a".repeat(1 << 20)]),
        "never-comes" => wait(job, &["no such text".into()]),
        // What makes other engines try every way to cut the text.
        "flood" => {
            let session = session(job)?;
            let shell = open(&session)?;
            shell.write(b"yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")?;
            shell.expect(&["(x+x+)+y".into()], LONG).map(drop)
        }
        "kept-flood" => (0..100).try_for_each(|_| keep(1).map(drop)),
        "kept-giant" => keep(9 << 20).map(drop),
        "forged-shell" => forged(0xffff).write(b"id\n"),
        "session-as-shell" => forged(session(job)?.handle()).write(b"id\n"),
        "secret-as-shell" => forged(secrets::get("driver_args.pin")?.handle()).close(),
        "shell-as-session" => {
            let session = session(job)?;
            let shell = open(&session)?;
            crate::unsafe_session(shell.handle()).run(&Exec::new("id")).map(drop)
        }
        _ => Ok(()),
    }
}

/// A shell as a driver would open it.
pub(crate) fn open(session: &Session) -> Result<Shell, Error> {
    Shell::open(session, &ShellOptions::default())
}

fn open_with(job: &Job, options: &ShellOptions) -> Result<(), Error> {
    Shell::open(&session(job)?, options).map(drop)
}

fn closed(session: &Session) -> Result<Shell, Error> {
    let shell = open(session)?;
    shell.close()?;
    shell.close()?;
    Ok(shell)
}

fn wait(job: &Job, patterns: &[String]) -> Result<(), Error> {
    open(&session(job)?)?.expect(patterns, SHORT).map(drop)
}

/// Makes a result of so many bytes up.
pub(crate) fn keep(size: usize) -> Result<Item, Error> {
    let made = Made { command: "made up".into(), output: vec![b'x'; size], exit_status: Some(0) };
    Ok(Item { run: results::keep(&made)?, command: made.command })
}

/// A handle that the host never gave for a shell.
#[allow(unsafe_code, reason = "an attacker minds no rules")]
fn forged(handle: u32) -> Shell {
    unsafe { Shell::from_handle(handle) }
}
