//! HTTP: the only room that knows it.
//!
//! An [`Api`] answers requests from a [`Backend`], which is `hostler_jobs::Jobs` in the daemon. It speaks the
//! native API under `/v1` (described by `openapi.rs`) and one module per dialect of `NetPulse` (`dialect/`); a dialect reads a body into a
//! [`hostler_model::Request`] and writes jobs and errors in its own shape, and shares nothing with the others.
//! [`Api::router`] is all of it for tests; [`serve`] puts it on a socket.
//!
//! The way of a request: [`serve`] (limits of connections and headers) -> access log -> guard (API key, rate, panics)
//! -> a handler, which says the scope that it needs by a role of `guard` -> `body` (size, time) -> the dialect's parser, where secrets are sealed -> [`Backend`].
//! Every status code of an error is chosen in `error.rs`, but for the 4xx by which a dialect refuses a body.

mod access_log;
mod answer;
mod api;
mod backend;
mod body;
mod coerce;
mod config;
mod connections;
mod dialect;
mod download;
mod error;
mod guard;
mod handed;
mod key;
mod letter;
mod metrics;
mod native;
mod openapi;
mod operations;
mod query;
mod rate;
mod serve;
mod templating;
mod trace;

pub use api::Api;
pub use backend::Backend;
pub use config::Config;
pub use letter::Letters;
pub use native::read_request;
pub use serve::serve;
