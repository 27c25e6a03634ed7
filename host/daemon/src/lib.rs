//! The daemon: command line, configuration, telemetry, signals. It builds the rooms below and runs
//! them. Only this room reads the environment, installs a log subscriber, or decides an exit code.

mod author;
mod cli;
mod client;
mod config;
mod host_keys;
mod key;
mod serve;
mod telemetry;

use clap::{CommandFactory, Parser};
use cli::{Plugin, Verb};
use std::io::{self, Write};
use std::process::ExitCode;

/// Eight percent of a job's CPU time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the binary does: reads the command line, runs the verb, and turns its end into an exit code.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.verb {
        Verb::CompilePlugin { memory, time } => return compile_plugin(memory, time),
        Verb::Completions { shell } => return complete(shell),
        // Its standard error is for people.
        Verb::Client(_) | Verb::Plugin { .. } | Verb::Policy { .. } => {}
        Verb::Serve(_) | Verb::HostKeys { .. } => telemetry::start(),
    }
    // For HTTPS. It fails where it is done already, which nobody else does.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("the runtime cannot start")),
    };
    let code = match cli.verb {
        Verb::Serve(arguments) => match runtime.block_on(serve::run(arguments)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Verb::Client(verb) => ExitCode::from(runtime.block_on(client::run(verb))),
        Verb::Plugin { verb: Plugin::Author(verb) } => ExitCode::from(runtime.block_on(author::run(verb))),
        Verb::Plugin { verb: Plugin::Install(install) } => ExitCode::from(runtime.block_on(author::install(install))),
        Verb::Policy { verb } => ExitCode::from(runtime.block_on(author::run_policy(verb))),
        Verb::CompilePlugin { .. } | Verb::Completions { .. } => unreachable!("it ended above"),
        Verb::HostKeys { files, verb } => match runtime.block_on(host_keys::run(&files, verb)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => tell(&error),
        },
    };
    // What is left to do is done; a name look-up that nobody answers must not hold the end up.
    runtime.shutdown_background();
    code
}

/// Needs neither log nor runtime: whatever it starts counts against its limits.
fn compile_plugin(memory: u64, time: u64) -> ExitCode {
    match hostler_plugins::compile(memory, time) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unheard = write!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn complete(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::Cli::command(), "hostler", &mut script);
    match io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => tell(&error.into()),
    }
}

/// For verbs that somebody waits for: a sentence, not a line of a log.
fn tell(error: &anyhow::Error) -> ExitCode {
    // If nobody hears it, the exit code still says it.
    let _unheard = writeln!(io::stderr(), "hostler: {error:#}");
    ExitCode::FAILURE
}

fn fail(error: &anyhow::Error) -> ExitCode {
    tracing::error!("{error:#}");
    ExitCode::FAILURE
}
