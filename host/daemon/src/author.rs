//! The verbs of authors of plugins, and what they need of this process.

use crate::{client, config, telemetry};
use futures::StreamExt;
use hostler_author::{PluginVerb, PolicyVerb, Surroundings, carry_out, component, judge};
use hostler_client::Install;
use std::io::{self, Write};

/// Does what was typed, and gives the exit code.
pub(crate) async fn run(verb: PluginVerb) -> u8 {
    carry_out(verb, surroundings()).await
}

/// The same for policies that judge.
pub(crate) async fn run_policy(verb: PolicyVerb) -> u8 {
    judge(verb, surroundings()).await
}

fn surroundings() -> Surroundings {
    telemetry::start_for_authors();
    Surroundings {
        stdout: Box::new(io::stdout()),
        stderr: Box::new(io::stderr()),
        compiler: config::compiler(),
        read_request: hostler_api::read_request,
        interrupts: client::interrupts().boxed(),
    }
}

/// Installs a component, or what the build of a project made.
pub(crate) async fn install(mut install: Install) -> u8 {
    match component(&install.component) {
        Ok(file) => install.component = file,
        Err(reason) => {
            // If nobody hears it, the exit code still says it.
            let _unheard = writeln!(io::stderr(), "hostler: {reason}");
            return hostler_client::exit::USAGE;
        }
    }
    hostler_client::install(install, client::surroundings()).await
}
