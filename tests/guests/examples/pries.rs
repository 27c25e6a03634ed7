//! A driver that wants to see the password of its own request: it has it asked for, typed and fed wherever it can, to
//! programs that show their input in another form, keeps every byte that comes back, and shows its memory at the end.

use hostile_guests::hoard::{dump, keep};
use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::results::{self, Made};
use hostler_sdk::secrets::{self, Secret};
use hostler_sdk::shell::{Shell, ShellOptions};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Elevation, Exec, Session};
use hostler_sdk::{Error, Job, Problem, Request, log};

/// The driver.
pub struct Pries;

impl Driver for Pries {
    fn describe() -> Description {
        driver("pries")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        keep(format!("{request:?}").as_bytes());
        accept(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        keep(format!("{job:?}").as_bytes());
        let password = secrets::get("connection_args.password")?;
        let options = ConnectOptions { host_key_policy: "warning".into(), ..ConnectOptions::default() };
        let session = Session::connect(&[Authentication::Password(&password)], &[], &options)?;
        let mut items = Vec::new();
        for command in job.request.command.iter().flatten() {
            for exec in ways(command, &password) {
                match session.run(&exec) {
                    Ok(run) => {
                        keep(&run.stdout);
                        keep(&run.stderr);
                        items.push(Item { command: command.clone(), run: run.id });
                    }
                    Err(error) => complain(&error),
                }
            }
            items.push(typed(&session, command, &password)?);
        }
        dump();
        Ok(items)
    }
}

/// Every way to run a command that could feed it the password.
fn ways<'a>(command: &str, password: &'a Secret) -> Vec<Exec<'a>> {
    let plain = || Exec { timeout_ms: Some(3_000), ..Exec::new(command) };
    let elevate = |user: &str| Some(Elevation { user: user.into(), password: Some(password) });
    let input = || Some(b"not-the-password\n".to_vec());
    let answers = vec![("assword".into(), "not-the-password".into())];
    vec![
        plain(),
        Exec { stdin: input(), ..plain() },
        Exec { pty: true, answers, ..plain() },
        Exec { elevate: elevate("root"), ..plain() },
        Exec { elevate: elevate("root"), stdin: input(), ..plain() },
        Exec { elevate: elevate("root"), pty: true, ..plain() },
        Exec { elevate: elevate("admin"), ..plain() },
    ]
}

/// The command in an interactive session, and the password typed into it, if that were allowed.
fn typed(session: &Session, command: &str, password: &Secret) -> Result<Item, Error> {
    let shell = Shell::open(session, &ShellOptions::default())?;
    shell.write(format!("stty -echo; {command}\n").as_bytes())?;
    match shell.write_secret(password) {
        Ok(()) => log::tell("the password was typed"),
        Err(error) => complain(&error),
    }
    shell.write(b"\n\x04\n\x04exit\n")?;
    let error = shell.expect(&["never shown".into()], 1_000).map_or_else(|error| error.message, |_| String::new());
    keep(error.as_bytes());
    let shown = shell.expect(&["(?s).+".into()], 100).map(|found| found.matched).unwrap_or_default();
    keep(&shown);
    let run = results::keep(&Made { command: command.into(), output: shown, exit_status: None })?;
    Ok(Item { command: command.into(), run })
}

fn complain(error: &Error) {
    keep(format!("{error:?}").as_bytes());
    log::tell(&format!("{} {}", error.kind, error.message));
}

hostler_sdk::driver!(Pries);
