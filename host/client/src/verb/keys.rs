//! `hostler keys`: the API keys of callers.

use crate::Surroundings;
use crate::api::{Api, Ask};
use crate::connection::Connection;
use crate::error::Error;
use crate::exit;
use crate::table::Table;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;

/// The API keys of callers.
#[derive(Args)]
pub struct Keys {
    #[command(flatten)]
    connection: Connection,
    /// Shows what the daemon answers, as one JSON document.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Subcommand)]
enum KeysVerb {
    /// Lists all keys, but not what they are.
    List,
    /// Makes a key and shows it, this one time.
    Create(Create),
    /// Revokes a key, at once.
    Revoke {
        /// Its name.
        name: String,
    },
}

#[derive(Args)]
struct Create {
    /// What it is called, in lists and in the audit.
    name: String,
    /// What it may do.
    #[arg(
        long = "scope",
        required = true,
        value_delimiter = ',',
        value_parser = ["submit", "read", "cancel", "all", "admin"]
    )]
    scopes: Vec<String>,
    /// Drivers that it may use, as patterns; without it all.
    #[arg(long = "driver", value_name = "PATTERN", value_delimiter = ',')]
    drivers: Option<Vec<String>>,
    /// Hosts that it may reach: names with `*` and `?`, addresses, ranges; without it all.
    #[arg(long = "host", value_name = "PATTERN", value_delimiter = ',')]
    hosts: Option<Vec<String>>,
    /// When it expires: a number with s, m, h or d; without it never.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u32>,
    /// Requests a second.
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Requests at once.
    #[arg(long, value_name = "N", requires = "rate")]
    burst: Option<u32>,
}

/// Does it.
pub(crate) async fn keys(keys: Keys, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let api = keys.connection.open(surroundings)?;
    let (document, text) = match &keys.verb {
        KeysVerb::List => {
            let keys = api.value(&Ask::get("keys")).await?;
            let text = listed(&keys);
            (keys, text)
        }
        KeysVerb::Create(create) => {
            let made = api.value(&Ask::post("keys").body(create.body())).await?;
            // Alone on its line, so that it can go to a file.
            let text = format!("{}\n", made["key"].as_str().unwrap_or_default());
            (made, text)
        }
        KeysVerb::Revoke { name } => revoke(&api, name).await?,
    };
    if keys.json {
        writeln!(surroundings.stdout, "{document}")?;
    } else {
        surroundings.stdout.write_all(text.as_bytes())?;
    }
    surroundings.stdout.flush()?;
    Ok(exit::SUCCESS)
}

async fn revoke(api: &Api, name: &str) -> Result<(Value, String), Error> {
    api.ask(&Ask::delete(format!("keys/{name}"))).await?;
    Ok((json!({"revoked": name}), format!("{name} is revoked\n")))
}

impl Create {
    fn body(&self) -> Value {
        let Self { name, scopes, drivers, hosts, expires_in, rate, burst } = self;
        let mut body = json!({"name": name, "scopes": scopes});
        let lists = [("drivers", drivers), ("hosts", hosts)];
        for (field, patterns) in lists.into_iter().filter_map(|(field, patterns)| Some((field, patterns.as_ref()?))) {
            body[field] = json!(patterns);
        }
        if let Some(seconds) = expires_in {
            body["expires_in"] = json!(seconds);
        }
        if let Some(rate) = rate {
            body["rate"] = json!({"per_second": rate});
        }
        if let Some(burst) = burst {
            body["rate"]["burst"] = json!(burst);
        }
        body
    }
}

fn listed(keys: &Value) -> String {
    let mut table = Table::new(["NAME", "SCOPES", "EXPIRES", "LAST USED", "DRIVERS", "HOSTS"]);
    let words = |value: &Value| {
        let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(",")
    };
    for key in keys["keys"].as_array().into_iter().flatten() {
        let time = |field: &str, none: &str| key[field].as_str().unwrap_or(none).to_owned();
        let all = |field: &str| if key[field].is_null() { "all".to_owned() } else { words(&key[field]) };
        table.line([
            time("name", ""),
            words(&key["scopes"]),
            time("expires_at", "never"),
            time("last_used_at", "never"),
            all("drivers"),
            all("hosts"),
        ]);
    }
    table.text()
}

/// `30d` and the like, in seconds.
fn seconds(typed: &str) -> Result<u32, &'static str> {
    let wrong = "it is a number with s, m, h or d, such as 30d, for at most 49000 days";
    let (number, unit) = typed.split_at_checked(typed.len().saturating_sub(1)).ok_or(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong),
    };
    number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit)).ok_or(wrong)
}
