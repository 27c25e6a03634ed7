//! Follows a job: its events (server-sent, as the HTML standard has them), each once and in order, also where the
//! connection breaks in the middle of one.

use crate::api::{Api, Ask};
use crate::error::Error;
use crate::happening::Told;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures::stream::{BoxStream, StreamExt};
use reqwest::header::HeaderValue;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A connection that lasted so long was none that breaks at once, even if nothing happened in the job.
const LASTING: Duration = Duration::from_secs(30);

/// The events of one job, from the first one on.
pub(crate) struct Follower {
    api: Api,
    job: String,
    /// The last event that was told: where a new connection goes on.
    after: Option<HeaderValue>,
    connection: Option<Connection>,
    /// How long to wait until the next try; used up by tries that tell nothing new.
    pauses: Box<dyn Iterator<Item = Duration> + Send>,
    is_over: bool,
}

struct Connection {
    events: BoxStream<'static, Result<Event, EventStreamError<reqwest::Error>>>,
    since: Instant,
}

impl Follower {
    pub(crate) fn new(api: Api, job: String) -> Self {
        let pauses = Box::new(Api::pauses());
        Self { api, job, after: None, connection: None, pauses, is_over: false }
    }

    /// What was told next; nothing once the job has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Told>, Error> {
        while !self.is_over {
            let error = match &mut self.connection {
                None => match self.connect().await {
                    Ok(connection) => {
                        self.connection = Some(connection);
                        continue;
                    }
                    Err(error) => error,
                },
                Some(connection) => match connection.events.next().await {
                    Some(Ok(event)) => return Ok(Some(self.hear(&event))),
                    broken => {
                        if connection.since.elapsed() > LASTING {
                            self.pauses = Box::new(Api::pauses());
                        }
                        self.connection = None;
                        self.broken(broken.and_then(Result::err))
                    }
                },
            };
            let is_worth_it = match &error {
                Error::Refused(refusal) => refusal.passes() || refusal.status >= 500,
                Error::Unreachable { .. } => true,
                _ => false,
            };
            match self.pauses.next().filter(|_| is_worth_it) {
                Some(pause) => sleep(error.pause(pause)).await,
                None => return Err(error),
            }
        }
        Ok(None)
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let mut ask = Ask::get(format!("jobs/{}/events", self.job));
        if let Some(after) = &self.after {
            ask = ask.header("last-event-id", after.clone());
        }
        let events = self.api.ask_once(&ask).await?.bytes_stream().eventsource().boxed();
        Ok(Connection { events, since: Instant::now() })
    }

    fn hear(&mut self, event: &Event) -> Told {
        if let Ok(id) = HeaderValue::from_str(&event.id)
            && !id.is_empty()
        {
            self.after = Some(id);
            self.pauses = Box::new(Api::pauses());
        }
        let told = Told::new(event);
        self.is_over = told.is_end();
        told
    }

    /// What it is called that events stopped before the end.
    fn broken(&self, error: Option<EventStreamError<reqwest::Error>>) -> Error {
        match error {
            Some(EventStreamError::Transport(error)) => self.api.unreachable(&error),
            Some(other) => self.api.broke_off(&other.to_string()),
            None => self.api.broke_off("too early"),
        }
    }
}
