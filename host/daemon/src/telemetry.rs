//! The log: to standard error, as text on a terminal, as JSON otherwise.

use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `HOSTLER_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info";

/// What is logged where plugins are tried: decisions and what cannot be loaded are told elsewhere.
const AUTHORS_FILTER: &str = "warn,hostler_plugins::host::events=trace,hostler_plugins::instance=info,\
                              hostler_plugins::audit=off,hostler_plugins::plugins=off";

/// Starts the log. `HOSTLER_LOG` is a filter in the syntax of `RUST_LOG`.
pub(crate) fn start() {
    #[expect(clippy::disallowed_methods, reason = "the daemon is the room that reads the environment")]
    let asked = std::env::var("HOSTLER_LOG").unwrap_or_else(|_| DEFAULT_FILTER.into());
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(asked);
    let log = fmt::layer().with_writer(std::io::stderr);
    let (text, json) = if std::io::stderr().is_terminal() { (Some(log), None) } else { (None, Some(log_json())) };
    tracing_subscriber::registry().with(text).with(json).with(filter).with(ceilings()).init();
}

/// Starts the log for those who try plugins: what the plugins say, and what goes wrong besides. `HOSTLER_LOG` is as above.
pub(crate) fn start_for_authors() {
    #[expect(clippy::disallowed_methods, reason = "the daemon is the room that reads the environment")]
    let asked = std::env::var("HOSTLER_LOG").unwrap_or_else(|_| AUTHORS_FILTER.into());
    let filter = EnvFilter::builder().parse_lossy(asked);
    let log = fmt::layer().without_time().with_target(false).with_writer(std::io::stderr);
    // On a terminal `NO_COLOR` decides.
    let log = if std::io::stderr().is_terminal() { log } else { log.with_ansi(false) };
    tracing_subscriber::registry().with(log).with(filter).with(ceilings()).init();
}

fn log_json<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    // All spans around a line are told, and the innermost one not twice: `request_id` and `job` are in them.
    fmt::layer().json().with_current_span(false).with_writer(std::io::stderr)
}

/// Libraries that are not heard below this level, whatever was asked: russh writes lines for every packet,
/// some with its content; the compiler of plugins writes hundreds of megabytes.
fn ceilings() -> Targets {
    let quiet = ["russh", "cranelift_codegen", "cranelift_frontend", "regalloc2", "wasmtime_internal_cranelift"];
    let quiet = quiet.map(|target| (target, LevelFilter::INFO));
    Targets::new().with_default(LevelFilter::TRACE).with_targets(quiet)
}
