//! A daemon that is killed at any moment: no job that it accepted is lost, none runs twice, none changes its end.

use crate::SETUP;
use anyhow::{Context, ensure};
use hostler_tests::{Answer, Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use ureq::http::Request;

/// How often the daemon is killed, unless `HOSTLER_CRASH_ROUNDS` says it.
const ROUNDS: usize = 6;
/// Clients that submit at the same time.
const CLIENTS: usize = 4;
/// Jobs that a client submits in a round, if the daemon lives for so long.
const JOBS: usize = 40;
/// The daemon is killed within so many milliseconds.
const LIFE: u64 = 700;

/// A job that somebody asked for.
struct Asked {
    number: usize,
    /// Absent where the answer did not arrive.
    id: Option<String>,
}

/// The server, and the file to which each command appends the number of its job.
struct Ground {
    sshd: Sshd,
    folder: TempDir,
}

impl Ground {
    fn new() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("hostler-crashes-")?;
        // The user at the other side is somebody else.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
        Ok(Self { sshd: Sshd::start(&["MaxStartups=100"])?, folder })
    }

    /// Asks for a job; for the same one if the number is the same.
    fn submit(&self, daemon: &Daemon, number: usize) -> anyhow::Result<Answer> {
        let file = self.folder.path().join("ran");
        // Some are over at once, some are cut in the middle.
        let nap = if number.is_multiple_of(3) { "sleep 0.2; " } else { "" };
        let body = json!({
            "connection_args": {
                "host": "127.0.0.1", "port": self.sshd.port(), "username": Sshd::USER, "password": Sshd::PASSWORD,
                "keepalive": 60
            },
            "command": [format!("{nap}echo {number} >> {}", file.display())],
            "ttl": 3600
        });
        let request = Request::builder().method("POST").uri(format!("{}/v1/jobs", daemon.address()));
        let request = request.header("X-API-KEY", Daemon::KEY).header("Content-Type", "application/json");
        let request = request.header("Idempotency-Key", format!("job-{number}"));
        daemon.send_as_it_is(request.body(body.to_string())?)
    }

    /// How often the command of each job ran.
    fn ran(&self) -> anyhow::Result<HashMap<usize, usize>> {
        let mut ran = HashMap::new();
        for line in fs::read_to_string(self.folder.path().join("ran"))?.lines() {
            *ran.entry(line.parse()?).or_default() += 1;
        }
        Ok(ran)
    }
}

fn rounds() -> usize {
    #[expect(clippy::disallowed_methods, reason = "tests/crash_rounds says how many it wants")]
    let asked = std::env::var("HOSTLER_CRASH_ROUNDS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn a_daemon_that_is_killed_loses_no_job_and_runs_none_twice() -> anyhow::Result<()> {
    let ground = Ground::new()?;
    let setup =
        Setup { config: "jobs.max_running = 8\nhttp.rate_per_second = 10_000\nhttp.rate_burst = 10_000", ..SETUP };
    let mut daemon = Daemon::start(&setup)?;
    let mut asked: Vec<Asked> = Vec::new();
    let mut ends: BTreeMap<String, Value> = BTreeMap::new();
    let (next, rounds, seed) = (AtomicUsize::new(0), rounds(), RandomState::new());
    for round in 0..rounds {
        asked.extend(load_and_kill(&ground, &daemon, &next, seed.hash_one(round) % LIFE));
        daemon = daemon.restart_killed(&setup)?;
        // Whoever got no answer asks again.
        for job in asked.iter_mut().filter(|job| job.id.is_none()) {
            let answer = ground.submit(&daemon, job.number)?;
            ensure!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.text);
            job.id = Some(answer.body["id"].as_str().context("an id")?.to_owned());
        }
        for (id, end) in &ends {
            let again = end_of(&daemon.get(&format!("/v1/jobs/{id}"))?.body);
            ensure!(again.as_ref() == Some(end), "job {id} had ended as {end} and is now {again:?}");
        }
        ends = ended(&daemon)?;
    }
    let mut states = BTreeMap::new();
    for job in &asked {
        let end = daemon.wait(job.id.as_ref().context("all have an id")?)?;
        let state = end["state"].as_str().context("a state")?.to_owned();
        ensure!(state == "finished" || end["error"]["kind"] == "lost", "{end}");
        states.entry(job.number).or_insert_with(Vec::new).push(state);
    }
    let ran = ground.ran()?;
    for (number, states) in &states {
        let times = ran.get(number).copied().unwrap_or_default();
        ensure!(states.len() == 1, "job {number} was accepted {} times", states.len());
        ensure!(times <= 1, "job {number} ran {times} times and is {states:?}");
        ensure!(states[0] != "finished" || times == 1, "job {number} finished and never ran");
    }
    let finished = states.values().filter(|states| states[0] == "finished").count();
    // Else nothing was tested.
    ensure!(
        finished > rounds && states.len() > finished,
        "{finished} of {} jobs finished, none was lost",
        states.len()
    );
    Ok(())
}

/// Has clients submit jobs until the daemon is killed.
fn load_and_kill(ground: &Ground, daemon: &Daemon, next: &AtomicUsize, life: u64) -> Vec<Asked> {
    let client = || {
        let mut asked = Vec::new();
        for _ in 0..JOBS {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let answer = ground.submit(daemon, number).ok().filter(|answer| answer.status == 201);
            let id = answer.and_then(|answer| answer.body["id"].as_str().map(str::to_owned));
            let is_dead = id.is_none();
            asked.push(Asked { number, id });
            if is_dead {
                break;
            }
        }
        asked
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        // Any moment is as good as another: there is no event to wait for.
        thread::sleep(Duration::from_millis(life));
        let killed = Command::new("kill").args(["-KILL", &daemon.pid().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the daemon had ended before it was killed");
        clients.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
    })
}

/// How a job ended, if it has.
fn end_of(job: &Value) -> Option<Value> {
    (!job["ended_at"].is_null()).then(|| json!([job["state"], job["ended_at"], job["error"]["kind"]]))
}

/// How the jobs ended that have.
fn ended(daemon: &Daemon) -> anyhow::Result<BTreeMap<String, Value>> {
    let (mut ends, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = daemon.get(&format!("/v1/jobs?limit=1000{cursor}"))?;
        for job in page.body["jobs"].as_array().with_context(|| page.text.clone())? {
            let id = job["id"].as_str().context("an id")?;
            if let Some(end) = end_of(&daemon.get(&format!("/v1/jobs/{id}"))?.body) {
                ends.insert(id.to_owned(), end);
            }
        }
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(ends),
        }
    }
}
