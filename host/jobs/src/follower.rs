//! Somebody who reads the log of a job, live or afterwards.

use crate::ends::Ends;
use crate::journal::{Journal, News};
use crate::store::Store;
use crate::{Event, Happening, Job, State};
use futures::Stream;
use futures::stream::try_unfold;
use hostler_model::Failure;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What somebody who follows a job is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Where the job stands: at first, when it has started, and last of all when it has ended.
    Job(Box<Job>),
    /// Something happened in it.
    Event(Event),
}

/// A part of a stream that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it begins: later than where it was asked for if that is not in the log.
    pub offset: u64,
    /// What was written there, as far as it fits.
    pub bytes: Vec<u8>,
    /// How long the stream is in all, once its run or the whole job has ended. What of it is not in the log was cut.
    pub total: Option<u64>,
}

impl Slice {
    /// Adds what an event has of it, if that goes on where this ends.
    pub(crate) fn take(&mut self, event: &Event, run: u32, stream: &str) {
        match &event.what {
            Happening::Output { run: its_run, stream: its_stream, offset, bytes }
                if (*its_run, its_stream.as_str()) == (run, stream) =>
            {
                let end = self.offset + self.bytes.len() as u64;
                if self.bytes.is_empty() && *offset > end {
                    self.offset = *offset;
                    self.bytes.extend_from_slice(bytes);
                } else if let Ok(known) = usize::try_from(end.saturating_sub(*offset))
                    && *offset <= end
                {
                    self.bytes.extend_from_slice(bytes.get(known..).unwrap_or_default());
                }
            }
            Happening::Ran(ran) if ran.run == run => {
                self.total = match stream {
                    "stdout" => Some(ran.stdout.total),
                    "stderr" => Some(ran.stderr.total),
                    _ => None,
                };
            }
            _ => {}
        }
    }

    /// Whether there is nothing to be read now, but may be later.
    fn is_pending(&self) -> bool {
        self.bytes.is_empty() && self.total.is_none()
    }
}

/// Reads page by page: it costs the same memory for a log of any length.
pub(crate) struct Follower {
    store: Arc<dyn Store>,
    ends: Arc<Ends>,
    news: News,
    job: Job,
    /// Nothing more comes.
    is_over: bool,
}

impl Follower {
    pub(crate) fn new(store: Arc<dyn Store>, ends: Arc<Ends>, journal: &Journal, job: Job) -> Self {
        let (news, is_over) = (journal.news(job.id), job.outcome.is_some());
        Self { store, ends, news, job, is_over }
    }

    /// Tells all events after this number, waits for more, and ends when the job has ended and all was told.
    pub(crate) fn follow(self, after: u64) -> impl Stream<Item = Result<Told, Failure>> + Send + use<> {
        let page = if self.is_over { VecDeque::new() } else { [Told::Job(Box::new(self.job.clone()))].into() };
        try_unfold((self, after, page, false), async |(mut follower, mut after, mut page, mut is_done)| {
            loop {
                if let Some(told) = page.pop_front() {
                    return Ok(Some((told, (follower, after, page, is_done))));
                }
                if is_done {
                    return Ok(None);
                }
                is_done = follower.turn_page(&mut after, &mut page).await?;
            }
        })
    }

    /// Adds what comes next, if something has come; answers whether that was all.
    async fn turn_page(&mut self, after: &mut u64, page: &mut VecDeque<Told>) -> Result<bool, Failure> {
        // Known before the store is read: the last events are stored in the step that ends the job.
        let is_over = self.is_over;
        self.news.note();
        let events = self.store.events(self.job.id, *after).await?;
        if self.job.state == State::Queued {
            self.look().await?;
            if self.job.state == State::Started {
                page.push_back(Told::Job(Box::new(self.job.clone())));
            }
        }
        match events.last() {
            Some(last) => {
                *after = last.number;
                page.extend(events.into_iter().map(Told::Event));
            }
            None if is_over => {
                page.push_back(Told::Job(Box::new(self.job.clone())));
                return Ok(true);
            }
            None if page.is_empty() && !self.is_over => self.more().await?,
            None => {}
        }
        Ok(false)
    }

    /// Reads a part of a stream; waits for it until `patience` is over, or the job.
    pub(crate) async fn output(
        mut self,
        run: u32,
        stream: &str,
        offset: u64,
        patience: Duration,
    ) -> Result<Slice, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let is_over = self.is_over;
            self.news.note();
            let mut slice = self.store.output(self.job.id, run, stream.into(), offset).await?;
            // The run may have no end in the log, or never have begun.
            if is_over && slice.is_pending() {
                slice.total = Some(slice.offset);
            }
            if is_over || !slice.is_pending() || Instant::now() >= deadline {
                return Ok(slice);
            }
            tokio::select! {
                more = self.more() => more?,
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Returns when there is more to read, or the job has ended.
    async fn more(&mut self) -> Result<(), Failure> {
        tokio::select! {
            () = self.news.come() => Ok(()),
            ended = self.ends.wait(self.job.id) => {
                self.is_over = true;
                match ended {
                    Some(job) => self.job = job,
                    None => self.look().await?,
                }
                Ok(())
            }
        }
    }

    /// Asks the store where the job stands.
    async fn look(&mut self) -> Result<(), Failure> {
        if let Some(job) = self.store.get(self.job.id).await? {
            self.is_over |= job.outcome.is_some();
            self.job = job;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
