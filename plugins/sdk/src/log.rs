//! Lines for the daemon's log, under the plugin's name and the job's id; and sentences for the client.
//!
//! The daemon cuts out the job's secrets, and drops lines beyond the plugin's budget.
//!
//! ```
//! use hostler_sdk::log;
//!
//! log::debug("the prompt was found after 3 lines");
//! log::tell("The device is at an old version: plan an upgrade.");
//! ```

/// Something that keeps the plugin from doing its work.
pub fn error(message: &str) {
    write("error", message);
}

/// Something that the operator should look at.
pub fn warn(message: &str) {
    write("warn", message);
}

/// Something worth knowing.
pub fn info(message: &str) {
    write("info", message);
}

/// Something for the plugin's author.
pub fn debug(message: &str) {
    write("debug", message);
}

/// Every step.
pub fn trace(message: &str) {
    write("trace", message);
}

/// One sentence for the client, who reads it among the warnings of the job.
pub fn tell(message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::driver::hostler::plugin::events::tell(message);
    #[cfg(not(target_family = "wasm"))]
    write("tell", message);
}

#[cfg(target_family = "wasm")]
use crate::bindings::driver::hostler::plugin::events::log as write;

#[cfg(not(target_family = "wasm"))]
#[expect(clippy::print_stderr, reason = "unit tests have no daemon to log to")]
fn write(level: &str, message: &str) {
    eprintln!("{level}: {message}");
}
