//! A driver that works, keeps every byte it is given, and writes its whole linear memory to the log at the
//! end of every export. Proves that no secret ever enters a plugin's memory: tests look for one there.

use hostile_guests::hoard::{dump, keep};
use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Key, Session};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Hoarder;

impl Driver for Hoarder {
    fn describe() -> Description {
        dump();
        driver("hoarder")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        keep_request(&request);
        dump();
        accept(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        keep_request(&job.request);
        keep(format!("{:?}", job.target).as_bytes());
        let items = run_all(&job.request);
        dump();
        items
    }
}

fn run_all(request: &Request) -> Result<Vec<Item>, Error> {
    let pkey = request.secret("connection_args.pkey")?;
    let passphrase = request.secret("connection_args.passphrase")?;
    let password = request.secret("connection_args.password")?;
    let passphrase = passphrase.as_ref();
    let key = pkey.as_ref().map(|text| Authentication::Key(Key { text, passphrase, certificate: None }));
    let authentication: Vec<_> = key.into_iter().chain(password.as_ref().map(Authentication::Password)).collect();

    let options = ConnectOptions { host_key_policy: "auto_add".into(), ..ConnectOptions::default() };
    let session = Session::connect(&authentication, &[], &options)?;
    let items = request.command.iter().flatten().map(|command| run(&session, command)).collect();
    session.close()?;
    items
}

fn run(session: &Session, command: &str) -> Result<Item, Error> {
    let run = session.run(&Exec::new(command)).inspect_err(|error| keep(format!("{error:?}").as_bytes()))?;
    keep(&run.stdout);
    keep(&run.stderr);
    Ok(Item { command: command.into(), run: run.id })
}

fn keep_request(request: &Request) {
    keep(format!("{request:?}").as_bytes());
}

hostler_sdk::driver!(Hoarder);
