//! The HTTP interface over a scripted backend: routes, shapes, status codes, and what is never shown.

mod bad_input;
mod host_keys;
mod key;
mod limits;
mod native;
mod operations;
mod plugins;
mod scripted;
mod secrets;
mod serving;
mod shapes;
