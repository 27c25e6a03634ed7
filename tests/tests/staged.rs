//! Files that come with a request, and files that clients fetch: the whole daemon, with Debian's OpenSSH.

use crate::daemon;
use crate::job::body;
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup, Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::{Request, Response};

/// What is larger than all that the daemon may keep of it.
const LARGE: usize = 128 << 20;
/// Bytes by which the daemon may grow while it moves that.
const MARGIN: u64 = 64 << 20;

const BOUNDARY: &str = "----------a-boundary-of-the-tests";

/// A request of dialect 0.4 that moves a file.
fn moving(sshd: &Sshd, operation: &str, remote: &str) -> Value {
    let mut request = body(sshd, Value::Null);
    request["file_transfer"] = json!({"operation": operation, "remote_path": remote});
    request
}

/// Submits a request with a file, as a form.
fn submit(daemon: &Daemon, request: &Value, name: &str, content: &Path) -> anyhow::Result<Value> {
    let mut form = tempfile::tempfile()?;
    let part = |name: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name={name}\r\n\r\n");
    write!(form, "{}{request}\r\n", part("\"request\""))?;
    write!(form, "{}", part(&format!("\"file\"; filename=\"{name}\"")))?;
    io::copy(&mut File::open(content)?, &mut form)?;
    write!(form, "\r\n--{BOUNDARY}--\r\n")?;
    io::Seek::rewind(&mut form)?;
    let post = Request::post(format!("{}/device/exec", daemon.address())).header("X-API-KEY", Daemon::KEY);
    let post = post.header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}")).body(form)?;
    let submitted = daemon.send_as_it_is(post)?;
    ensure!(submitted.status == 201, "{} {}", submitted.status, submitted.text);
    Ok(submitted.body)
}

/// The end of a job, as dialect 0.4 shows it.
fn ended(daemon: &Daemon, job: &Value) -> anyhow::Result<Value> {
    let id = job["id"].as_str().context("a job has an id")?;
    daemon.wait(id)?;
    Ok(daemon.get(&format!("/jobs/{id}"))?.body)
}

fn fetch(url: &str, range: Option<&str>) -> anyhow::Result<Response<ureq::Body>> {
    let mut get = ureq::get(url).header("X-API-KEY", Daemon::KEY);
    if let Some(range) = range {
        get = get.header("Range", range);
    }
    Ok(get.call()?)
}

fn hash(mut content: impl Read) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match content.read(&mut block)? {
            0 => return Ok(format!("{:x?}", hash.finalize())),
            bytes => hash.update(&block[..bytes]),
        }
    }
}

/// A file of so many bytes that do not repeat.
fn content(folder: &Path, size: usize) -> anyhow::Result<std::path::PathBuf> {
    let path = folder.join("content");
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let bytes: Vec<u8> = (0..size / 8).flat_map(|_| next().to_be_bytes()).collect();
    fs::write(&path, bytes)?;
    Ok(path)
}

/// What `/proc` says of the daemon's memory, in bytes.
fn memory(daemon: &Daemon, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such line")?;
    let kilobytes: u64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}

/// Folders of staged files that are there.
fn staged(daemon: &Daemon) -> anyhow::Result<usize> {
    Ok(fs::read_dir(daemon.data().join("staged"))?.count())
}

/// Whether nothing is left within some seconds: the end of a job is told before its file goes.
fn nothing_is_left(daemon: &Daemon) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    while staged(daemon)? > 0 {
        ensure!(Instant::now() < end, "a staged file was left");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_large_file_goes_both_ways_and_the_daemon_does_not_grow_with_it() -> anyhow::Result<()> {
    let (daemon, sshd, folder) = (daemon()?, Sshd::shared()?, tempfile::tempdir()?);
    let small = folder.path().join("small");
    fs::write(&small, "small")?;
    let warm = submit(&daemon, &moving(&sshd, "upload", "/remote/staged-warm"), "small", &small)?;
    ensure!(ended(&daemon, &warm)?["status"] == "finished", "{warm}");
    let large = content(folder.path(), LARGE)?;
    let sum = hash(File::open(&large)?)?;
    // From now on `VmHWM` is the most that there was since.
    fs::write(format!("/proc/{}/clear_refs", daemon.pid()), "5")?;
    let before = memory(&daemon, "VmHWM")?;

    let up = submit(&daemon, &moving(&sshd, "upload", "/remote/"), "staged large.bin", &large)?;
    let up = ended(&daemon, &up)?;
    assert_eq!(up["status"], "finished", "{up}");
    let item = &up["result"]["retval"][0];
    assert_eq!((&item["exit_status"], &item["metadata"]["transferred_bytes"]), (&json!(0), &json!(LARGE)), "{up}");
    assert_eq!(item["metadata"]["remote_path"], "/remote/staged large.bin", "the client's own name is appended");
    assert_eq!(hash(File::open(sshd.remote().join("staged large.bin"))?)?, sum);
    nothing_is_left(&daemon)?;

    let down = daemon.send(
        ureq::http::Method::POST,
        "/device/exec",
        &moving(&sshd, "download", "/remote/staged large.bin").to_string(),
    )?;
    let down = ended(&daemon, &down.body)?;
    let url = down["result"]["retval"][0]["download_url"].as_str().with_context(|| format!("no address in {down}"))?;
    assert!(url.starts_with(daemon.address()) && url.ends_with("/staged%20large.bin"), "{url}");
    let reply = fetch(url, None)?;
    assert_eq!(reply.headers()["content-length"], LARGE.to_string());
    assert_eq!(reply.headers()["content-disposition"], "attachment; filename=\"staged large.bin\"");
    assert_eq!(hash(reply.into_body().into_reader())?, sum);
    let grown = memory(&daemon, "VmHWM")?.saturating_sub(before);
    assert!(grown < MARGIN, "the daemon took {grown} bytes more for a file of {LARGE}");

    let part = fetch(url, Some("bytes=1048570-1048585"))?;
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 1048570-1048585/{LARGE}"));
    let mut bytes = Vec::new();
    part.into_body().into_reader().read_to_end(&mut bytes)?;
    assert_eq!(bytes, fs::read(&large)?[1_048_570..=1_048_585]);
    assert_eq!(staged(&daemon)?, 1, "what was downloaded stays until it expires");
    Ok(())
}

#[test]
fn a_file_goes_with_its_job_however_that_ends() -> anyhow::Result<()> {
    let (sshd, folder) = (Sshd::shared()?, tempfile::tempdir()?);
    let mut daemon = Daemon::start(&Setup { config: "jobs.max_running = 1", ..crate::SETUP })?;
    let file = folder.path().join("file");
    fs::write(&file, "content")?;
    let failing = submit(&daemon, &moving(&sshd, "upload", "/no/such/folder/x"), "x", &file)?;
    assert_eq!(ended(&daemon, &failing)?["status"], "failed");
    nothing_is_left(&daemon)?;

    let wrong =
        submit(&daemon, &json!({"driver": "paramiko", "connection_args": {"host": "a"}, "command": ""}), "x", &file);
    assert!(wrong.is_err(), "there is no way to log in");
    nothing_is_left(&daemon)?;

    let running = daemon.execute(&body(&sshd, format!("sleep {}", unique_nap())))?;
    let waiting = submit(&daemon, &moving(&sshd, "upload", "/remote/waiting"), "x", &file)?;
    assert_eq!(staged(&daemon)?, 1, "it waits for its job");
    let id = waiting["id"].as_str().context("an id")?;
    daemon.send(ureq::http::Method::DELETE, &format!("/jobs/{id}"), "")?;
    nothing_is_left(&daemon)?;

    let mut expiring = moving(&sshd, "upload", "/remote/expiring");
    expiring["ttl"] = 1.into();
    let expiring = submit(&daemon, &expiring, "x", &file)?;
    assert_eq!(ended(&daemon, &expiring)?["status"], "failed");
    nothing_is_left(&daemon)?;
    daemon.send(ureq::http::Method::DELETE, &format!("/jobs/{}", running.job()?), "")?;
    daemon.end()?;
    Ok(())
}

#[test]
fn a_file_is_handed_over_once_and_uploaded_by_many_jobs() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let staged = daemon.send(ureq::http::Method::POST, "/v1/files?name=notes.txt", "for many")?;
    assert_eq!((staged.status, &staged.body["size"]), (201, &json!(8)), "{}", staged.text);
    for folder in ["/remote/staged-one/", "/remote/staged-two/"] {
        let mut request = body(&sshd, json!([]));
        request["staged"] = staged.body["id"].clone();
        let transfer = json!({"operation": "upload", "remote_path": folder, "make_folders": true});
        request["driver_args"] = json!({"file_transfer": transfer});
        request.as_object_mut().context("an object")?.remove("command");
        let job = daemon.send(ureq::http::Method::POST, "/v1/jobs", &request.to_string())?;
        assert_eq!(job.status, 201, "{}", job.text);
        let job = daemon.wait(job.body["id"].as_str().context("an id")?)?;
        assert_eq!(job["state"], "finished", "{job}");
        let path = folder.replace("/remote", "") + "notes.txt";
        assert_eq!(fs::read_to_string(sshd.remote().join(path.trim_start_matches('/')))?, "for many");
    }
    let id = staged.body["id"].as_str().context("an id")?;
    assert_eq!(daemon.get(&format!("/v1/files/{id}"))?.text, "for many");
    Ok(())
}

#[test]
fn a_file_that_came_for_a_job_outlives_a_killed_daemon_with_that_job_only() -> anyhow::Result<()> {
    let (sshd, folder, nap) = (Sshd::shared()?, tempfile::tempdir()?, unique_nap());
    let setup = Setup { config: "jobs.max_running = 1", ..crate::SETUP };
    let daemon = Daemon::start(&setup)?;
    let file = folder.path().join("file");
    fs::write(&file, "content")?;
    let mut begun = moving(&sshd, "upload", "/remote/staged-begun");
    begun["file_transfer"]["execute_after_upload"] = true.into();
    begun["file_transfer"]["execute_command"] = format!("sleep {nap}").into();
    let begun = submit(&daemon, &begun, "begun", &file)?;
    ensure!(sleepers_become(1, &nap, Duration::from_secs(20)), "its command does not run");
    let waiting = submit(&daemon, &moving(&sshd, "upload", "/remote/staged-waiting"), "waiting", &file)?;
    assert_eq!(staged(&daemon)?, 2, "each has its job");

    let daemon = daemon.restart_killed(&setup)?;
    let begun = ended(&daemon, &begun)?;
    assert_eq!((&begun["status"], &begun["result"]["error"]["kind"]), (&json!("failed"), &json!("lost")), "{begun}");
    assert_eq!(ended(&daemon, &waiting)?["status"], "finished");
    assert_eq!(fs::read_to_string(sshd.remote().join("staged-waiting"))?, "content");
    nothing_is_left(&daemon)
}
