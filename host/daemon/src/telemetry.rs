//! The log: to standard error, as text on a terminal, as JSON otherwise.

use std::io::IsTerminal;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `HOSTLER_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info";

/// Starts the log. `HOSTLER_LOG` is a filter in the syntax of `RUST_LOG`.
pub(crate) fn start() {
    #[expect(clippy::disallowed_methods, reason = "the daemon is the room that reads the environment")]
    let asked = std::env::var("HOSTLER_LOG").unwrap_or_else(|_| DEFAULT_FILTER.into());
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(asked);
    let log = fmt::layer().with_writer(std::io::stderr);
    let (text, json) = if std::io::stderr().is_terminal() { (Some(log), None) } else { (None, Some(log_json())) };
    tracing_subscriber::registry().with(text).with(json).with(filter).with(no_secrets()).init();
}

fn log_json<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fmt::layer().json().with_writer(std::io::stderr)
}

/// Libraries that put packets, and so secrets, into their log below this level, whatever was asked.
fn no_secrets() -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new().with_default(LevelFilter::TRACE).with_target("russh", LevelFilter::INFO)
}
