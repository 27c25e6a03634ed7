//! What a shell shows, scrubbed before anyone reads or searches it.

use crate::expect::{Found, Patterns, Unread};
use crate::scrub::Stream;
use bytes::Bytes;
use futures::FutureExt;
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Event, Shell};
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Silence after which the first bytes of what may be a secret are shown: after a prompt nothing comes, and it may
/// end as a secret begins. What follows them is still cut out if it was one.
const SILENCE: Duration = Duration::from_millis(500);

/// Bytes that are shown then: how a prompt ends.
const ENDING: usize = 3;

/// A search that takes longer than this is followed by a rest of ten times as long, so that a server that writes
/// byte by byte keeps nobody busy.
const LIGHT: Duration = Duration::from_millis(1);

/// An open shell and what was not read of it yet.
pub(crate) struct Screen {
    shell: Shell,
    stream: Stream,
    unread: Unread,
    /// When something was shown last.
    latest: Instant,
    /// Why nothing more will be shown.
    over: Option<Failure>,
}

impl Screen {
    /// Of which no more than `cap` bytes may be unread.
    pub(crate) fn new(shell: Shell, stream: Stream, cap: usize) -> Self {
        Self { shell, stream, unread: Unread::new(cap), latest: Instant::now(), over: None }
    }

    pub(crate) async fn write(&self, keys: Bytes) -> Result<(), Failure> {
        self.shell.write(keys).await
    }

    /// Waits until a pattern matches, and passes everything new on to `show`. It may be dropped at any await.
    pub(crate) async fn expect(
        &mut self,
        patterns: &Patterns,
        patience: Duration,
        mut show: impl FnMut(&[u8]),
    ) -> Result<Found, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            while self.over.is_none() && !self.unread.is_full() {
                let Some(event) = self.shell.next().now_or_never() else { break };
                self.hear(event, &mut show);
            }
            let search = Instant::now();
            // Long output and a hostile pattern can keep a thread busy for seconds.
            if let Some(found) = block_in_place(|| self.unread.find(patterns)) {
                return Ok(found);
            }
            if let Some(failure) = self.failed() {
                return Err(self.unread.explain(&failure));
            }
            let took = search.elapsed();
            let silence = self.stream.ending(ENDING).is_some().then(|| self.latest + SILENCE);
            match timeout_at(silence.map_or(deadline, |silence| silence.min(deadline)), self.shell.next()).await {
                Ok(event) => self.hear(event, &mut show),
                Err(_) if Instant::now() >= deadline => return Err(self.unread.explain(&late(patience))),
                Err(_) => {
                    let ending = self.stream.show_ending(ENDING);
                    self.take(&ending, &mut show);
                }
            }
            if took > LIGHT {
                sleep_until(deadline.min(Instant::now() + 10 * took)).await;
            }
        }
    }

    fn hear(&mut self, event: Option<Event>, show: &mut impl FnMut(&[u8])) {
        let over = match event {
            Some(Event::Stdout(bytes) | Event::Stderr(bytes)) => {
                self.latest = Instant::now();
                let clean = self.stream.push(&bytes);
                return self.take(&clean, show);
            }
            Some(Event::Ended(Ok(exit))) => ended(&exit),
            Some(Event::Ended(Err(failure))) => failure,
            Some(Event::Stopped { .. }) | None => {
                Failure::new(ErrorKind::Closed, Phase::Exec, "the session was closed, and the shell with it")
            }
        };
        self.over = Some(over);
        let rest = self.stream.finish();
        self.take(&rest, show);
    }

    fn take(&mut self, clean: &[u8], show: &mut impl FnMut(&[u8])) {
        if !clean.is_empty() {
            self.unread.push(clean);
            show(clean);
        }
    }

    /// Why there is nothing to wait for.
    fn failed(&self) -> Option<Failure> {
        let limit = |message| Some(Failure::new(ErrorKind::Limit, Phase::Exec, message));
        match self.shell.lost() {
            0 if self.unread.is_full() => limit("the shell shows more than is kept without a match".to_owned()),
            0 => self.over.clone(),
            lost => limit(format!("{lost} bytes of output came faster than they were read, and are lost")),
        }
    }
}

fn ended(exit: &Exit) -> Failure {
    let how = match exit {
        Exit::Status(status) => format!(" with status {status}"),
        Exit::Signal(signal) => format!(" with signal {signal}"),
        Exit::Unknown => String::new(),
    };
    Failure::new(ErrorKind::Closed, Phase::Exec, format!("the server ended the shell{how}"))
}

fn late(patience: Duration) -> Failure {
    let message = format!("the shell did not show what was waited for within {} s", patience.as_secs_f64());
    Failure::new(ErrorKind::Timeout, Phase::Exec, message)
}

#[cfg(test)]
mod tests;
