//! The verbs that ask a daemon over HTTP, and what they need of this process.

use futures::stream::{self, Stream, StreamExt};
use hostler_client::{Surroundings, Verb, carry_out};
use std::io::{self, IsTerminal};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Does what was typed, and gives the exit code.
pub(crate) async fn run(verb: Verb) -> u8 {
    carry_out(verb, surroundings()).await
}

/// What this process lends.
pub(crate) fn surroundings() -> Surroundings {
    #[expect(clippy::disallowed_methods, reason = "the daemon is the room that reads the environment")]
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (stdout, stderr) = (io::stdout(), io::stderr());
    Surroundings {
        api_key: variable("HOSTLER_API_KEY").map(Into::into),
        colour: stdout.is_terminal() && stderr.is_terminal() && variable("NO_COLOR").is_none(),
        watched: stderr.is_terminal(),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        interrupts: interrupts().boxed(),
    }
}

/// Ctrl-C, and SIGTERM, from the first poll on: until then they end the process.
pub(crate) fn interrupts() -> impl Stream<Item = ()> {
    let listen = || Ok::<_, io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?));
    stream::once(async move { listen() }).filter_map(async |signals| signals.ok()).flat_map(|(interrupt, terminate)| {
        let each =
            |signal: Signal| stream::unfold(signal, async |mut signal| signal.recv().await.map(|()| ((), signal)));
        stream::select(Box::pin(each(interrupt)), Box::pin(each(terminate)))
    })
}
