//! Who keeps the truth about a job while a plugin carries it out.

use futures::future::BoxFuture;
use hostler_model::{Failure, RunResult};
use hostler_remote::Progress;

/// A piece of what a command wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Which command of the job, counted from 0; for what a shell shows, the result that is kept next.
    pub run: u32,
    /// `stdout` or `stderr` of a command, or `shell`: what all shells of the job show is one stream.
    pub stream: &'static str,
    /// Bytes that the stream had before it, after scrubbing.
    pub offset: u64,
    /// Never empty.
    pub bytes: &'a [u8],
}

/// Implemented by the room `jobs`, called by the gate that every action passes.
pub trait Witness: Send + Sync + 'static {
    /// Makes it durable that the job is about to change something on its target. Called before every
    /// such action; from the first on, nothing retries the job. An error stops the action.
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>>;

    /// Hears a piece of output while the command runs, scrubbed. It must not block.
    fn output(&self, piece: Piece<'_>);

    /// Hears how far a transfer is: a few times a second, and at the end. `run` is which result of the job it will be,
    /// counted from 0. It must not block.
    fn progress(&self, run: u32, progress: &Progress);

    /// Hears that a command or transfer has come to its end, or that the driver kept what it had read: the result of this
    /// number, counted from 0, scrubbed. All that it wrote was told before. It must not block.
    fn ran(&self, run: u32, result: &RunResult);
}
