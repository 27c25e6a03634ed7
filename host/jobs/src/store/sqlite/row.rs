//! Jobs, keys and lines of the audit as rows of their tables.

use crate::failures;
use crate::{Batch, Job, KeyDigest, Recorded};
use hostler_model::{Caller, Failure, KeyInfo, Outcome};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::str::FromStr;

/// What [`job`] reads.
pub(super) const WHOLE: &str = "id, state, caller, batch, driver, options, attempt, trace, plan, created_at, started_at, \
     cancel_at, ended_at, warnings, outcome_warnings, error, results";

/// The same without the results.
pub(super) const WITHOUT_RESULTS: &str = "id, state, caller, batch, driver, options, attempt, trace, plan, created_at, \
     started_at, cancel_at, ended_at, warnings, outcome_warnings, error, NULL AS results";

/// Reads [`WHOLE`] or [`WITHOUT_RESULTS`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let ended_at = row.get::<_, Option<Micros>>("ended_at")?.map(|at| at.0);
    let outcome = ended_at.map(|_| outcome(row)).transpose()?;
    let Json(mut warnings): Json<Vec<String>> = row.get("warnings")?;
    warnings.extend(outcome.iter().flat_map(|outcome| outcome.warnings.iter().cloned()));
    Ok(Job {
        id: row.get::<_, Word<_>>("id")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        caller: row.get("caller")?,
        batch: row.get::<_, Option<Word<_>>>("batch")?.map(|batch| batch.0),
        driver: row.get("driver")?,
        options: row.get::<_, Json<_>>("options")?.0,
        attempt: row.get("attempt")?,
        trace: row.get("trace")?,
        plan: row.get::<_, Json<_>>("plan")?.0,
        created_at: row.get::<_, Micros>("created_at")?.0,
        started_at: row.get::<_, Option<Micros>>("started_at")?.map(|at| at.0),
        cancel_requested_at: row.get::<_, Option<Micros>>("cancel_at")?.map(|at| at.0),
        ended_at,
        outcome,
        warnings,
    })
}

/// Reads `id`, `at` and `entry` of the table `audit`.
pub(super) fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let (at, entry) = (row.get::<_, Micros>("at")?.0, row.get::<_, Json<_>>("entry")?.0);
    Ok(Recorded { id: row.get("id")?, at, entry })
}

/// Reads the table `keys`.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<(KeyDigest, KeyInfo)> {
    let caller = Caller {
        name: row.get("name")?,
        scopes: row.get::<_, Json<_>>("scopes")?.0,
        drivers: row.get::<_, Option<Json<_>>>("drivers")?.map(|json| json.0),
        hosts: row.get::<_, Option<Json<_>>>("hosts")?.map(|json| json.0),
    };
    let info = KeyInfo {
        caller,
        rate: row.get::<_, Option<Json<_>>>("rate")?.map(|json| json.0),
        created_at: row.get::<_, Micros>("created_at")?.0,
        created_by: row.get("created_by")?,
        expires_at: row.get::<_, Option<Micros>>("expires_at")?.map(|at| at.0),
        last_used_at: row.get::<_, Option<Micros>>("last_used_at")?.map(|at| at.0),
    };
    Ok((KeyDigest::from(row.get::<_, [u8; 32]>("digest")?), info))
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    Ok(Outcome {
        results: row.get::<_, Option<Json<_>>>("results")?.map_or_else(Vec::new, |json| json.0),
        error: row.get::<_, Option<Json<_>>>("error")?.map(|json| json.0),
        warnings: row.get::<_, Json<_>>("outcome_warnings")?.0,
    })
}

/// Reads the table `batches`.
pub(super) fn batch(row: &Row<'_>) -> rusqlite::Result<Batch> {
    Ok(Batch {
        id: row.get::<_, Word<_>>("id")?.0,
        caller: row.get("caller")?,
        created_at: row.get::<_, Micros>("created_at")?.0,
        refused: row.get::<_, Json<_>>("refused")?.0,
    })
}

/// What a column with JSON holds.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(failures::store)
}

/// The same inside of a change.
pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A text with a type of its own.
pub(super) struct Word<T>(pub(super) T);

impl<T: FromStr<Err: Error + Send + Sync + 'static>> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// Microseconds since 1970.
pub(super) struct Micros(pub(super) Timestamp);

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_microsecond(value.as_i64()?).map(Self).map_err(FromSqlError::other)
    }
}
