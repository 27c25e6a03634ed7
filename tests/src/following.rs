//! A client that follows a job, as `curl -N` does.

use crate::Daemon;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use ureq::Agent;
use ureq::http::Request;

/// What a job tells of itself, message by message, as they come.
pub struct Following(BufReader<Box<dyn Read>>);

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What kind it is.
    pub event: String,
    /// Its number in the log; absent for what is not logged.
    pub id: Option<u64>,
    /// What it says.
    pub data: Value,
}

impl Following {
    pub(crate) fn start(agent: &Agent, address: &str, job: &str, last: Option<u64>) -> anyhow::Result<Self> {
        let mut request = Request::get(format!("{address}/v1/jobs/{job}/events")).header("X-API-KEY", Daemon::KEY);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = agent.run(request.body(())?)?;
        ensure!(response.status() == 200, "the job cannot be followed: {}", response.status());
        Ok(Self(BufReader::new(Box::new(response.into_body().into_reader()))))
    }

    /// All that comes, until the end of the job.
    pub fn rest(self) -> anyhow::Result<Vec<Message>> {
        self.collect()
    }

    /// The next message with output.
    pub fn output(&mut self) -> anyhow::Result<Message> {
        let mut outputs = self.filter(|message| message.as_ref().map_or(true, |message| message.event == "output"));
        outputs.next().context("the job ended without more output")?
    }

    fn read(&mut self) -> anyhow::Result<Option<Message>> {
        let mut message = Message { event: String::new(), id: None, data: Value::Null };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut message.event),
                Some(("id", number)) => message.id = Some(number.parse()?),
                Some(("data", text)) => message.data = serde_json::from_str(text)?,
                // An empty line ends a message; a comment is none.
                None if line == "\n" && !message.event.is_empty() => return Ok(Some(message)),
                _ => {}
            }
        }
    }
}

impl Iterator for Following {
    type Item = anyhow::Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
