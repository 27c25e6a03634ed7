//! `hostler jobs`: lists jobs, or shows one.

use crate::Surroundings;
use crate::api::{Api, Ask};
use crate::connection::Connection;
use crate::error::Error;
use crate::exit;
use crate::table::Table;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;

/// As many jobs as a page may have.
const PAGE: usize = 1000;

/// As many jobs as are listed unless somebody says how many.
const USUAL: usize = 50;

/// As much of a command as a list shows, in characters.
const COMMAND: usize = 60;

/// Lists jobs, or shows one.
#[derive(Args)]
pub struct Jobs {
    #[command(flatten)]
    connection: Connection,
    /// Shows what the daemon answers, as one JSON document.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(subcommand)]
    verb: Option<Show>,
}

/// Which jobs are listed. All that is given must hold.
#[derive(Args, Default, PartialEq, Eq)]
struct Filter {
    /// Those in one of these states.
    #[arg(long, value_delimiter = ',', value_parser = ["queued", "started", "finished", "failed", "canceled"])]
    state: Vec<String>,
    /// Those for this host, as it was given.
    #[arg(long)]
    host: Option<String>,
    /// Those for this driver.
    #[arg(long)]
    driver: Option<String>,
    /// Those that this API key submitted.
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Those of this batch.
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// So many at most [default: 50].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Subcommand)]
enum Show {
    /// Shows one job with all that is known about it.
    Show {
        /// Its name, as the list has it.
        id: String,
    },
}

/// Does it.
pub(crate) async fn jobs(jobs: Jobs, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let api = jobs.connection.open(surroundings)?;
    let (document, text) = match jobs.verb {
        Some(Show::Show { .. }) if jobs.filter != Filter::default() => {
            return Err(Error::Input(
                "`show` shows the job that you name; leave out what chooses jobs of the list".into(),
            ));
        }
        Some(Show::Show { id }) => {
            let job = api.value(&Ask::get(format!("jobs/{id}"))).await?;
            let text = described(&job);
            (job, text)
        }
        None => {
            let found = list(&api, &jobs.filter).await?;
            let text = listed(&found);
            (json!({"jobs": found}), text)
        }
    };
    if jobs.json {
        writeln!(surroundings.stdout, "{document}")?;
    } else {
        surroundings.stdout.write_all(text.as_bytes())?;
    }
    surroundings.stdout.flush()?;
    Ok(exit::SUCCESS)
}

/// Page by page.
async fn list(api: &Api, filter: &Filter) -> Result<Vec<Value>, Error> {
    let Filter { state, host, driver, caller, batch, limit } = filter;
    let limit = limit.unwrap_or(USUAL);
    let mut found = Vec::new();
    let mut cursor = None;
    while found.len() < limit {
        let mut ask = Ask::get("jobs").with("limit", &(limit - found.len()).min(PAGE));
        for state in state {
            ask = ask.with("state", state);
        }
        let others = [("host", host), ("driver", driver), ("caller", caller), ("batch", batch), ("cursor", &cursor)];
        for (name, value) in others {
            if let Some(value) = value {
                ask = ask.with(name, value);
            }
        }
        let mut page = api.value(&ask).await?;
        found.extend(page["jobs"].as_array_mut().map(std::mem::take).unwrap_or_default());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

fn listed(jobs: &[Value]) -> String {
    let mut table = Table::new(["JOB", "STATE", "TARGET", "CREATED", "COMMAND"]);
    for job in jobs {
        let state = match job["error"]["kind"].as_str() {
            Some(kind) => format!("{}: {kind}", word(job, "state")),
            None => word(job, "state").to_owned(),
        };
        table.line([word(job, "id").to_owned(), state, target(job), time(job, "created_at"), command(job)]);
    }
    table.text()
}

/// A job as lines of name and value, and what its commands wrote.
fn described(job: &Value) -> String {
    let mut table = Table::new(["job", word(job, "id")]);
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            table.line([name.to_owned(), value]);
        }
    };
    add("state", word(job, "state").into());
    let error = &job["error"];
    if let (Some(message), Some(kind), Some(phase)) =
        (error["message"].as_str(), error["kind"].as_str(), error["phase"].as_str())
    {
        add("error", format!("{message} ({kind} in phase {phase})"));
    }
    add("target", target(job));
    add("driver", format!("{} {}", word(job, "driver"), word(job, "driver_version")));
    for name in ["caller", "batch"] {
        add(name, word(job, name).into());
    }
    add("waits for", word(job, "waiting_for").into());
    for (name, field) in [("created", "created_at"), ("started", "started_at"), ("ended", "ended_at")] {
        add(name, time(job, field));
    }
    for warning in job["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        add("warning", warning.to_owned());
    }
    let mut text = table.text();
    for result in job["results"].as_array().into_iter().flatten() {
        let end = match (&result["exit_status"], &result["exit_signal"]) {
            (Value::Null, Value::Null) => "no exit status".to_owned(),
            (Value::Null, signal) => format!("signal {}", signal.as_str().unwrap_or_default()),
            (status, _) => format!("exit status {status}"),
        };
        let (command, duration) = (word(result, "command"), result["duration_s"].as_f64().unwrap_or_default());
        // Writing to a string cannot fail.
        let _written = write!(text, "\n$ {command}\n[{end} after {duration:.3} s]\n");
        for stream in ["stdout", "stderr"] {
            text += word(result, stream);
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
    }
    text
}

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn target(job: &Value) -> String {
    let target = &job["target"];
    format!("{}@{}:{}", word(target, "user"), word(target, "host"), target["port"])
}

/// A time to the second.
fn time(job: &Value, field: &str) -> String {
    let time = word(job, field);
    time.get(..19).map_or_else(|| time.to_owned(), |seconds| format!("{seconds}Z"))
}

/// What is run, cut.
fn command(job: &Value) -> String {
    let lines = [&job["command"], &job["config"]].into_iter().filter_map(Value::as_array).flatten();
    let whole = lines.filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    match whole.char_indices().nth(COMMAND) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}
