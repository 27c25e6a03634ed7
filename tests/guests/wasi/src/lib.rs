//! A driver for `wasm32-wasip2`, whose standard library asks WASI for everything. Proves that such a plugin
//! runs if the operator opts in, and finds an empty world: `validate` returns what it found as warnings.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};
use std::net::TcpStream;
use std::time::SystemTime;
use std::{env, fs};

/// The driver.
pub struct Wasi;

impl Driver for Wasi {
    fn describe() -> Description {
        driver("wasi")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        println!("the wasi guest writes to standard output");
        eprintln!("the wasi guest writes to standard error");
        Ok(Normalised { warnings: findings(), ..accept(request)? })
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        Ok(vec![])
    }
}

#[expect(clippy::disallowed_methods, reason = "this guest tries what it should not find")]
fn findings() -> Vec<String> {
    let opened = ["/", ".", "/etc/passwd", "/proc/self/environ"].iter().filter(|path| fs::metadata(path).is_ok());
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|now| now.as_secs() > 0);
    vec![
        format!("environment variables: {}", env::vars_os().count()),
        format!("arguments: {}", env::args_os().count()),
        format!("paths opened: {}", opened.count()),
        format!("file written: {}", fs::write("wasi.txt", "x").is_ok()),
        format!("connected: {}", TcpStream::connect("127.0.0.1:22").is_ok()),
        format!("clock: {clock}"),
    ]
}

hostler_sdk::driver!(Wasi);
