//! The command line over the HTTP API. It knows HTTP and JSON, and none of the other rooms.
//!
//! [`Verb`] is what can be typed, [`carry_out`] does it, and [`exit`] names the codes it ends with.

mod api;
mod connection;
mod error;
pub mod exit;
mod follower;
mod happening;
mod host;
mod order;
mod screen;
mod table;
mod verb;
mod voice;
mod watch;

use error::Error;
use futures::stream::BoxStream;
use secrecy::SecretString;
use std::io::Write;
pub use verb::{Install, Verb};

/// What is around the command line.
pub struct Surroundings {
    /// `HOSTLER_API_KEY`.
    pub api_key: Option<SecretString>,
    /// Where results go.
    pub stdout: Box<dyn Write + Send>,
    /// Where everything else goes.
    pub stderr: Box<dyn Write + Send>,
    /// Whether names of hosts get a colour.
    pub colour: bool,
    /// Whether somebody watches standard error.
    pub watched: bool,
    /// Ctrl-C. A verb that minds it listens; before that, the signal ends the process.
    pub interrupts: BoxStream<'static, ()>,
}

/// Does what was typed. Gives the exit code; what went wrong was said on standard error.
pub async fn carry_out(verb: Verb, mut surroundings: Surroundings) -> u8 {
    // A run hands both streams on to its screen, and says by itself what went wrong after that.
    let ended = match verb {
        Verb::Run(run) => return verb::run(*run, surroundings).await,
        Verb::Jobs(jobs) => verb::jobs(jobs, &mut surroundings).await,
        Verb::Cancel(cancel) => verb::cancel(cancel, &mut surroundings).await,
        Verb::Output(output) => verb::output(output, &mut surroundings).await,
        Verb::Keys(keys) => verb::keys(keys, &mut surroundings).await,
    };
    told(ended, &mut surroundings)
}

/// Installs a plugin. Gives the exit code; what went wrong was said on standard error.
pub async fn install(install: Install, mut surroundings: Surroundings) -> u8 {
    let ended = verb::install(&install, &mut surroundings).await;
    told(ended, &mut surroundings)
}

/// The exit code, once what went wrong was said.
fn told(ended: Result<u8, Error>, surroundings: &mut Surroundings) -> u8 {
    ended.unwrap_or_else(|error| {
        tell(&mut surroundings.stderr, &error);
        error.code()
    })
}

/// Says what went wrong. That nobody reads any more is no error worth a word.
fn tell(stderr: &mut dyn Write, error: &Error) {
    if !matches!(error, Error::Closed) {
        // If nobody hears it, the exit code still says it.
        let _unheard = writeln!(stderr, "hostler: {error}");
    }
}
