//! What authors of plugins need, from an empty folder to a signed component. It knows projects, languages and their
//! tools; what a plugin may do is decided by the code of `plugins`, the same that the daemon runs.
//!
//! [`PluginVerb`] and [`PolicyVerb`] are what can be typed, [`carry_out`] and [`judge`] do it, and [`component`] finds what a
//! project's build made.
//!
//! A `trial` has a plugin serve as in the daemon: with its loader, grants, limits, policies and gate. The servers are
//! `scripted`, or real ones; a `report` tells what happens. Whoever tries a policy may also ask it about the `past`.

mod build;
mod built;
mod embedded;
mod error;
mod exit;
mod language;
mod past;
mod plain;
mod project;
mod report;
mod scripted;
mod trial;
mod verb;
mod world;

use error::Error;
use futures::stream::BoxStream;
use hostler_model::{Problem, Request};
use hostler_plugins::Compiler;
use serde_json::{Map, Value};
use std::io::Write;
use std::path::{Path, PathBuf};
pub use verb::{PluginVerb, PolicyVerb};

/// Answers the request, and whether it is a dry run.
pub type ReadRequest = fn(Map<String, Value>) -> Result<(Request, bool), Vec<Problem>>;

/// What is around the command line.
pub struct Surroundings {
    /// Where results go.
    pub stdout: Box<dyn Write + Send>,
    /// Where everything else goes.
    pub stderr: Box<dyn Write + Send>,
    /// What compiles components to native code.
    pub compiler: Compiler,
    /// Reads a request as `POST /v1/jobs` does.
    pub read_request: ReadRequest,
    /// Ctrl-C. A verb that minds it listens; before that, the signal ends the process.
    pub interrupts: BoxStream<'static, ()>,
}

/// Does what was typed. Gives the exit code: 0, 1 if it failed, 2 if the command line is wrong. What went wrong was said on
/// standard error.
pub async fn carry_out(verb: PluginVerb, mut surroundings: Surroundings) -> u8 {
    let ended = match verb {
        PluginVerb::New(new) => verb::new(&new, &mut surroundings),
        PluginVerb::Build(build) => verb::build(&build, &mut surroundings),
        PluginVerb::Check(check) => verb::check(&check, &mut surroundings).await,
        PluginVerb::Sign(sign) => verb::sign(&sign, &mut surroundings),
        PluginVerb::Run(run) => Box::pin(verb::run(&run, &mut surroundings)).await,
    };
    code(ended, &mut surroundings)
}

/// The same for policies that judge.
pub async fn judge(verb: PolicyVerb, mut surroundings: Surroundings) -> u8 {
    let PolicyVerb::Test(test) = verb;
    let ended = Box::pin(verb::policy_test(&test, &mut surroundings)).await;
    code(ended, &mut surroundings)
}

/// Says what went wrong.
fn code(ended: Result<u8, Error>, surroundings: &mut Surroundings) -> u8 {
    ended.unwrap_or_else(|error| {
        // If nobody hears it, the exit code still says it.
        let _unheard = writeln!(surroundings.stderr, "hostler: {error}");
        error.code()
    })
}

/// The component that `path` means: itself, or what the build of the project in this folder made. Errors: a sentence.
pub fn component(path: &Path) -> Result<PathBuf, String> {
    built::Built::find(path).map(|built| built.file).map_err(|error| error.to_string())
}
