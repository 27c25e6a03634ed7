//! Very many jobs that have ended.

use crate::{SETUP, Size, nothing, submit};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Sshd, median};
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

const START_GOAL: Duration = Duration::from_secs(1);
const LOOK_GOAL: Duration = Duration::from_millis(10);

pub(crate) fn run(size: &Size) -> anyhow::Result<()> {
    let sshd = Sshd::start(&[])?;
    let mut daemon = Daemon::start(&SETUP)?;
    let id = submit(&daemon, &nothing(&sshd)?.to_string())?;
    daemon.wait(&id)?;
    daemon.end()?;
    multiply(&daemon.data().join("jobs.sqlite"), &id, size.ended)?;
    let start = Instant::now();
    let daemon = daemon.restart_killed(&SETUP)?;
    let taken = start.elapsed();
    println!("a start with {} jobs that have ended: {taken:?} (goal: under {START_GOAL:?})", size.ended);
    let page = daemon.get("/v1/jobs?limit=100")?;
    let middle = page.body["jobs"][50]["id"].as_str().unwrap_or(&id).to_owned();
    let deep = deep_cursor(&daemon)?;
    let looks = [
        ("the newest 100", "/v1/jobs?limit=100".to_owned()),
        ("a page far back", format!("/v1/jobs?limit=100&cursor={deep}")),
        ("those that failed", "/v1/jobs?state=failed&limit=100".to_owned()),
        ("those for a host", "/v1/jobs?host=host7&limit=100".to_owned()),
        ("those for a host that failed", "/v1/jobs?host=host10&state=failed&limit=100".to_owned()),
        ("those of a caller", "/v1/jobs?caller=operator&limit=100".to_owned()),
        ("those of nobody", "/v1/jobs?caller=nobody&limit=100".to_owned()),
        ("one", format!("/v1/jobs/{middle}")),
        ("one, as dialect 0.2 shows it", format!("/job?id={middle}")),
    ];
    for (what, path) in looks {
        let mut times = Vec::new();
        for _ in 0..size.looks {
            let start = Instant::now();
            let answer = daemon.get(&path)?;
            times.push(start.elapsed());
            ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text);
        }
        println!("  {what}: {:?} (median; goal: under {LOOK_GOAL:?})", median(times));
    }
    Ok(())
}

/// The cursor behind the tenth page.
fn deep_cursor(daemon: &Daemon) -> anyhow::Result<String> {
    let mut path = "/v1/jobs?limit=1000".to_owned();
    let mut cursor = String::new();
    for _ in 0..10 {
        let page = daemon.get(&path)?;
        let Some(next) = page.body["next"].as_str() else { break };
        next.clone_into(&mut cursor);
        path = format!("/v1/jobs?limit=1000&cursor={cursor}");
    }
    ensure!(!cursor.is_empty() || path.len() < 30, "there is no cursor");
    Ok(cursor)
}

/// Copies a job and what belongs to it, with other names, hosts and states, one for each second before it.
fn multiply(store: &Path, id: &str, copies: usize) -> anyhow::Result<()> {
    let database = Connection::open(store)?;
    let columns: Vec<String> = database
        .prepare("SELECT name FROM pragma_table_info('jobs')")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    // A UUID of version 7 begins with the milliseconds since 1970.
    let made = "(created_at / 1000 - i * 1000)";
    let name = format!("printf('%08x-%04x-7000-8000-%012x', {made} >> 16, {made} & 65535, i)");
    let values = columns.iter().map(|column| match column.as_str() {
        "id" => name.clone(),
        "host" => "'host' || (i % 1000)".to_owned(),
        "state" => "CASE i % 10 WHEN 0 THEN 'failed' ELSE 'finished' END".to_owned(),
        "created_at" | "started_at" | "ended_at" | "effect_at" => format!("{column} - i * 1000000"),
        _ => column.clone(),
    });
    let values: Vec<String> = values.collect();
    let sql = format!(
        "WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < ?1)
         INSERT INTO jobs ({}) SELECT {} FROM jobs, number WHERE jobs.id = ?2",
        columns.join(", "),
        values.join(", ")
    );
    let inserted = database.execute(&sql, (i64::try_from(copies)?, id))?;
    ensure!(inserted == copies, "{inserted} jobs were copied");
    database.close().map_err(|(_, error)| error).context("the store cannot be closed")
}
