//! The HTTP interface over a scripted backend: routes, shapes, status codes, and what is never shown.

mod bad_input;
mod batches;
mod callers;
mod events;
mod files;
mod fixtures;
mod forms;
mod host_keys;
mod jobs;
mod key;
mod keys;
mod limits;
mod native;
mod openapi;
mod operations;
mod plugins;
mod scripted;
mod secrets;
mod serving;
mod shapes;
mod templates;
