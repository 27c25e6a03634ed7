//! `hostler cancel`: cancels jobs and waits for their ends.

use crate::Surroundings;
use crate::api::{Api, Ask};
use crate::connection::Connection;
use crate::error::Error;
use crate::exit;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Seconds that one request waits for the end of a job.
const PATIENCE: u64 = 30;

/// Cancels jobs.
#[derive(Args)]
pub struct Cancel {
    #[command(flatten)]
    connection: Connection,
    /// Shows each job as a JSON document on a line of its own.
    #[arg(long)]
    json: bool,
    /// The jobs.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Does it.
pub(crate) async fn cancel(cancel: Cancel, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let api = cancel.connection.open(surroundings)?;
    let mut code = exit::SUCCESS;
    let mut asked = Vec::new();
    // All are told before any is waited for.
    for id in &cancel.ids {
        match api.ask(&Ask::post(format!("jobs/{id}/cancel"))).await {
            Ok(_) => asked.push(id),
            Err(Error::Refused(refusal)) => {
                code = exit::FAILED;
                writeln!(surroundings.stderr, "{id}: {refusal}")?;
            }
            Err(error) => return Err(error),
        }
    }
    for id in asked {
        let job = ended(&api, id).await?;
        let state = job["state"].as_str().unwrap_or_default();
        if state != "canceled" {
            code = exit::FAILED;
        }
        let message = job["error"]["message"].as_str().unwrap_or("it was over before it could be cancelled");
        if cancel.json {
            writeln!(surroundings.stdout, "{job}")?;
        } else {
            writeln!(surroundings.stdout, "{id} {state}: {message}")?;
        }
    }
    surroundings.stdout.flush()?;
    Ok(code)
}

/// The job once it has ended.
async fn ended(api: &Api, id: &str) -> Result<Value, Error> {
    loop {
        let job = api.value(&Ask::get(format!("jobs/{id}")).with("wait", &PATIENCE)).await?;
        if !job["ended_at"].is_null() {
            return Ok(job);
        }
    }
}
