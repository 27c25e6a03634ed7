//! What can be typed, and one file for each.

mod cancel;
mod install;
mod jobs;
mod keys;
mod output;
mod run;

use clap::Subcommand;

pub(crate) use cancel::{Cancel, cancel};
pub use install::Install;
pub(crate) use install::install;
pub(crate) use jobs::{Jobs, jobs};
pub(crate) use keys::{Keys, keys};
pub(crate) use output::{Output, output};
pub(crate) use run::{Run, run};

/// What can be typed.
#[derive(Subcommand)]
pub enum Verb {
    /// Runs a command on servers, and shows what it writes as it comes.
    ///
    /// Ctrl-C cancels: the processes on the servers are ended, and it is said whether that was seen. A second Ctrl-C
    /// leaves at once.
    ///
    /// Exit code: with one HOST the command's own, or 128 + N where signal N ended it; with several 0 if all are 0, else 1.
    /// 2: the command line is wrong. 130: Ctrl-C. 141: nobody reads the output. 254: a job failed. 255: the daemon
    /// cannot be reached.
    Run(Box<Run>),
    /// Lists jobs, newest first, or shows one.
    Jobs(Jobs),
    /// Cancels jobs, and waits until they have ended.
    Cancel(Cancel),
    /// Shows what a command of a job wrote, byte by byte.
    Output(Output),
    /// Lists, creates and revokes API keys.
    Keys(Keys),
}
