//! Single operations on files of the target, by a driver that looks before it acts.

use crate::SETUP;
use crate::hostile::whole;
use crate::job::{body, output, with};
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// What the operator allows that driver.
const CONFIG: &str = r#"plugin.looks-at-files.grants = ["connect", "exec", "remote-files"]"#;

fn daemon(config: &str) -> anyhow::Result<Daemon> {
    let component = whole("looks-at-files", &["connect", "exec", "remote-files"])?;
    let plugins: &[(&str, &[u8])] = &[("looks-at-files.wasm", &component)];
    Daemon::start(&Setup { config, plugins, ..SETUP })
}

/// One that tests running at the same time share: to start one takes seconds.
fn shared_daemon() -> anyhow::Result<Arc<Daemon>> {
    static SHARED: Mutex<Weak<Daemon>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let started = Arc::new(daemon(CONFIG)?);
    *shared = Arc::downgrade(&started);
    Ok(started)
}

fn asking(sshd: &Sshd, operations: &Value) -> Value {
    with(body(sshd, "looks at files"), |it| {
        it["driver"] = "looks-at-files".into();
        it["driver_args"] = json!({"operations": operations});
    })
}

/// Runs a job that does this on the server, and answers what each operation answered, or the kind of its error.
fn look(daemon: &Daemon, sshd: &Sshd, operations: &Value) -> anyhow::Result<Vec<Value>> {
    let job = daemon.run(&asking(sshd, operations))?;
    assert_eq!((&job["state"], &job["error"]), (&json!("finished"), &Value::Null), "{job}");
    let told = job["warnings"].as_array().context("a list")?;
    // What the daemon itself warns of comes in between, and is no JSON.
    Ok(told.iter().filter_map(|told| serde_json::from_str(told.as_str()?).ok()).collect())
}

/// The same, for operations that fail: the kind of each error.
fn kinds(daemon: &Daemon, sshd: &Sshd, operations: &Value) -> anyhow::Result<Vec<Value>> {
    let told = look(daemon, sshd, operations)?;
    assert!(told.iter().all(|told| told["phase"] == "transfer"), "{told:?}");
    Ok(told.iter().map(|told| told["kind"].clone()).collect())
}

/// Runs a line of shell on the server.
fn prepare(daemon: &Daemon, sshd: &Sshd, line: &str) -> anyhow::Result<String> {
    output(daemon, &body(sshd, line))
}

#[test]
fn every_operation_does_what_it_says() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["make-folder", "shop"],
            ["write", "shop/prices", "bread 3, and a rather long rest"],
            ["set-mode", "shop/prices", 0o640],
            ["stat", "shop/prices"],
            ["write", "shop/prices", "bread 4"],
            ["read", "/home/admin/shop/prices", 0, 100],
            ["read", "shop/prices", 6, 1],
            ["read", "shop/prices", 7, 1],
            ["read", "shop/prices", u64::MAX, 1],
            ["rename", "shop/prices", "shop/old prices"],
            ["list", "shop"],
            ["stat", "shop"],
            ["remove", "shop/old prices"],
            ["remove-folder", "shop"],
            ["stat", "shop"],
        ]),
    )?;
    let done = json!("done");
    assert_eq!(told[..3], [done.clone(), done.clone(), done.clone()]);
    assert_eq!((&told[3]["kind"], &told[3]["size"], &told[3]["mode"]), (&json!("file"), &json!(31), &json!(0o640)));
    assert!(told[3]["modified-ms"].as_u64().is_some_and(|time| time > 1_700_000_000_000), "{}", told[3]);
    assert!(told[3]["user"].as_u64().is_some_and(|user| user > 0), "{}", told[3]);
    assert_eq!(told[4..8], [done.clone(), json!("bread 4"), json!("4"), json!("")]);
    assert_eq!((&told[8]["kind"], &told[8]["phase"]), (&json!("invalid-request"), &json!("transfer")));
    assert_eq!(told[9], done);
    let listing = json!({"size": 1, "first": [["old prices", "file"]], "cut": false, "unnameable": 0});
    assert_eq!((&told[10], &told[11]["kind"]), (&listing, &json!("folder")));
    assert_eq!(told[12..14], [done.clone(), done]);
    assert_eq!(told[14]["kind"], "not-found");
    assert!(told[14]["message"].as_str().is_some_and(|message| message.contains("`shop`")), "{}", told[14]);
    assert!(!sshd.home().join("shop").exists());
    Ok(())
}

#[test]
fn links_and_open_files() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    prepare(&daemon, &sshd, "mkdir opened; echo -n something longer than that >opened/old")?;
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["piecewise", "opened/new", "new"],
            ["piecewise", "opened/new", "new"],
            ["piecewise", "opened/none", "never"],
            ["piecewise", "opened/old", "never"],
            ["piecewise", "opened/old", "empty"],
            ["piecewise", "opened/made", "missing"],
            ["symlink", "opened/link", "new"],
            ["symlink", "opened/link", "new"],
            ["read-link", "opened/link"],
            ["link-stat", "opened/link"],
            ["stat", "opened/link"],
            ["read-link", "opened/new"],
            ["symlink", "opened/nowhere", "../no such\u{e9} place"],
            ["read-link", "opened/nowhere"],
            ["stat", "opened/nowhere"],
        ]),
    )?;
    let written = json!(["start\0\0\0\0\0end", 13, 0]);
    assert_eq!((&told[0], &told[4], &told[5]), (&written, &written, &written), "{told:?}");
    assert_eq!((&told[1]["kind"], &told[2]["kind"]), (&json!("transfer-failed"), &json!("not-found")), "{told:?}");
    assert_eq!(told[3], json!(["starthing endger than that", 26, 0]), "what is not written over stays");
    assert_eq!((&told[6], &told[7]["kind"], &told[8]), (&json!("done"), &json!("transfer-failed"), &json!("new")));
    assert_eq!((&told[9]["kind"], &told[10]["kind"], &told[10]["size"]), (&json!("link"), &json!("file"), &json!(13)));
    assert_eq!(told[11]["phase"], "transfer", "{told:?}");
    assert_eq!((&told[13], &told[14]["kind"]), (&json!("../no such\u{e9} place"), &json!("not-found")), "{told:?}");
    Ok(())
}

#[test]
fn what_the_server_refuses_has_a_kind_of_its_own() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    prepare(&daemon, &sshd, "mkdir refusals; cd refusals; mkdir full; touch full/x a b; mkfifo pipe")?;
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["read", "refusals/missing", 0, 10],
            ["list", "refusals/a"],
            ["read", "/root/only-root-sees-this", 0, 10],
            ["write", "/etc/motd", "mine"],
            ["list", "/root"],
            ["make-folder", "refusals/full"],
            ["rename", "refusals/a", "refusals/b"],
            ["remove-folder", "refusals/full"],
            ["remove", "refusals/full"],
            ["read", "refusals/full", 0, 10],
            ["write", "refusals/full", "text"],
            ["read", "refusals/pipe", 0, 10],
            ["write", "refusals/pipe", "text"],
            ["read", "refusals/a", 0, (1 << 20) + 1],
            ["read", "refusals/a", 0, 10],
        ]),
    )?;
    let kinds: Vec<_> = told.iter().map(|told| told["kind"].as_str().unwrap_or("none")).collect();
    let failed = ["transfer-failed"; 8];
    let denied = ["permission-denied"; 3];
    assert_eq!(kinds, [&["not-found"; 2], &denied[..], &failed, &["limit", "none"]].concat(), "{told:?}");
    let message = told[2]["message"].as_str().context("a sentence")?;
    assert!(message.contains("`admin`") && message.contains("only-root-sees-this"), "{message}");
    Ok(())
}

#[test]
fn a_path_with_two_meanings_or_none_is_refused() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let kinds = kinds(
        &daemon,
        &sshd,
        &json!([
            ["read", "../admin/.profile", 0, 10],
            ["read", "/home/admin/../../etc/passwd", 0, 10],
            ["read", "/etc/./passwd", 0, 10],
            ["read", "/etc//passwd", 0, 10],
            ["read", "/etc/passwd\u{0}.txt", 0, 10],
            ["list", "/etc/"],
            ["list", ".."],
            ["stat", ""],
            ["stat", "x".repeat(4097)],
            ["stat", "x".repeat(256)],
            ["write", "../evil", "x"],
            ["remove", "x/../../evil"],
            ["rename", ".profile", "../evil"],
            ["rename", "../evil", "mine"],
            ["make-folder", "./x"],
            ["remove-folder", "x/.."],
            ["set-mode", "..", 0o777],
            ["set-mode", ".profile", 0o104_755],
        ]),
    )?;
    assert_eq!(kinds, vec![json!("invalid-request"); 18]);
    assert_eq!(fs::metadata(sshd.home().join(".profile"))?.permissions().mode() & 0o7777, 0o644);
    Ok(())
}

#[test]
fn the_server_follows_links_and_a_listing_shows_them() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let line = "mkdir links; cd links; ln -s /etc/hostname out; ln -s /root/only-root-sees-this root; ln -s none dangling; \
                ln -s /root/only-root-sees-this gone";
    prepare(&daemon, &sshd, line)?;
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["list", "links"],
            ["stat", "links/out"],
            ["read", "links/out", 0, 100],
            ["read", "links/root", 0, 100],
            ["stat", "links/dangling"],
            ["remove", "links/gone"],
            ["list", "."],
        ]),
    )?;
    let names = json!([["dangling", "link"], ["gone", "link"], ["out", "link"], ["root", "link"]]);
    assert_eq!(told[0]["first"], names);
    assert_eq!((&told[1]["kind"], &told[2]), (&json!("file"), &json!(sshd.read("/etc/hostname")?)));
    // A link gives no rights that the user does not have.
    assert_eq!((&told[3]["kind"], &told[4]["kind"]), (&json!("permission-denied"), &json!("not-found")));
    assert_eq!(told[5], "done");
    assert!(told[6]["size"].as_u64().is_some_and(|size| size > 3), "the home itself: {}", told[6]);
    Ok(())
}

#[test]
fn a_huge_folder_is_cut_and_says_so() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    prepare(
        &daemon,
        &sshd,
        r"mkdir many odd; cd many; seq -f file-%.0f 100000 | xargs touch; touch ../odd/{caf$'\351',plain}",
    )?;
    let told = look(&daemon, &sshd, &json!([["list", "many"], ["stat", "many/file-100000"], ["list", "odd"]]))?;
    assert_eq!((&told[0]["size"], &told[0]["cut"]), (&json!(10_000), &json!(true)));
    assert_eq!(told[1]["kind"], "file", "the way to the files still works");
    let odd = json!({"size": 1, "first": [["plain", "file"]], "cut": false, "unnameable": 1});
    assert_eq!(told[2], odd, "what no path can name is counted");
    Ok(())
}

#[test]
fn a_huge_file_comes_in_pieces() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let written =
        "seq 1500000 > huge; wc -c < huge; od -An -v -tu1 huge | tr -s ' ' '\\n' | awk '{s+=$1} END {print s}'";
    let truth = prepare(&daemon, &sshd, written)?;
    let mut truth = truth.split_whitespace().map(str::parse::<u64>);
    let (size, sum) = (truth.next().context("a size")??, truth.next().context("a sum")??);
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["sum", "huge", 1 << 20],
            ["sum", "huge", 700_001],
            ["fill", "big", 5_000_000],
            ["sum", "big", 1 << 20]
        ]),
    )?;
    assert_eq!(told[0], json!({"pieces": size / (1 << 20) + 1, "size": size, "sum": sum}));
    assert_eq!((&told[1]["size"], &told[1]["sum"]), (&json!(size), &json!(sum)));
    assert_eq!(told[2], "done");
    assert_eq!((&told[3]["size"], &told[3]["sum"]), (&json!(5_000_000), &json!(5_000_000 * u64::from(b'x'))));
    Ok(())
}

#[test]
fn ways_to_files_are_counted_and_closed() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let told = look(
        &daemon,
        &sshd,
        &json!([
            ["open"],
            ["open"],
            ["open"],
            ["open"],
            ["close"],
            ["close"],
            ["stat", "."],
            ["open"],
            ["stat", "."],
            ["close session"],
            ["stat", "."],
            ["open"],
        ]),
    )?;
    let kinds: Vec<_> = told.iter().map(|told| told["kind"].as_str().unwrap_or("done")).collect();
    let (done, invalid) = ("done", "invalid-request");
    assert_eq!(
        kinds,
        [done, done, done, "limit", done, done, invalid, done, "folder", done, invalid, invalid],
        "{told:?}"
    );
    Ok(())
}

/// The connection itself stays open for the next job.
#[test]
fn a_job_leaves_nothing_open_on_the_server() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&[])?);
    let operations = json!([["stat", "."], ["open"], ["list", "/etc"], ["open"], ["read", "missing", 0, 1]]);
    assert_eq!(look(&daemon, &sshd, &operations)?.len(), 5);
    let running =
        prepare(&daemon, &sshd, "cat /proc/[0-9]*/comm | grep -c '^sftp-server'; ls /proc/[0-9]*/comm | wc -l")?;
    assert!(running.starts_with("0\n"), "{running}");

    let operations = json!([["stat", "."], ["run", "pkill sftp-server"], ["stat", "."], ["stat", "."]]);
    let told = look(&daemon, &sshd, &operations)?;
    let kinds: Vec<_> = told.iter().map(|told| &told["kind"]).collect();
    assert_eq!(kinds, ["folder", "ran", "protocol", "folder"], "one that broke off is opened anew");
    Ok(())
}

#[test]
fn a_program_that_is_no_sftp_server_is_told() -> anyhow::Result<()> {
    let daemon = shared_daemon()?;
    for command in ["/bin/false", "echo 'Welcome to this server, and read the rules.'; exec cat"] {
        let sshd = Sshd::start(&[&format!("ForceCommand={command}")])?;
        let told = look(&daemon, &sshd, &json!([["stat", "."], ["stat", "."]]))?;
        assert_eq!(told[0]["kind"], "protocol", "{command}: {told:?}");
        assert!(told[0]["message"].as_str().is_some_and(|message| message.contains("Subsystem")), "{told:?}");
        assert_eq!(told[0], told[1], "the next operation tries again");
    }
    Ok(())
}

#[test]
fn the_end_of_the_job_ends_an_operation_that_waits() -> anyhow::Result<()> {
    let daemon = daemon(&format!("plugins.max_execution_time = 1.5\n{CONFIG}"))?;
    let sshd = Sshd::start(&["ForceCommand=exec grep nothing"])?;
    let started = Instant::now();
    let told = look(&daemon, &sshd, &json!([["stat", "."]]))?;
    assert_eq!(told[0]["kind"], "timeout", "{told:?}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    Ok(())
}
