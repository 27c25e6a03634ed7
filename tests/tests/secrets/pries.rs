//! A driver that tries everything it is given to see the password of its request, in whatever form.

use super::{EVERYTHING, Evidence, MEMORY, body, dumped, forms};
use crate::SETUP;
use crate::hostile::whole;
use crate::job::with;
use aho_corasick::AhoCorasick;
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All but `secret-input`.
const CONFIG: &str = r#"
    [plugin.pries]
    grants = ["connect", "exec", "elevation", "stdin", "pty", "shell"]
    limits = { log = 1_000_000_000 }
"#;

/// Programs that show what they read, in forms that the daemon does not cut out.
const SHOWS: [&str; 5] = ["od -c", "od -An -tx1", "xxd", "rev", "(printf x; cat) | base64"];

/// Others that look where a password could be.
const LOOKS: [&str; 9] = [
    "cat",
    "sudo -S od -c",
    "sudo -k -S -p '' od -c",
    "sudo -k; sudo -S -u nobody od -c",
    "printf '[sudo] password for admin: '; od -c",
    "env | od -c",
    "ps axwwe | xxd",
    "od -c /proc/$PPID/environ /proc/$PPID/cmdline",
    "timeout 1 od -c /proc/$PPID/fd/0",
];

/// What a server of the driver's own answers to everything.
const ECHOES: [&str; 3] = ["exec od -c", "exec cat", "printf '[sudo] password for admin: '; exec od -c"];

/// Found in every form, or the hunt proves nothing.
const CANARY: &str = "canary.a.b.a.c.a.d.a.e.a.f.a";

/// How a text looks in the forms that the daemon does not cut out. Programs break it into lines of 16 bytes at
/// most, so pieces of 8 are looked for.
fn disguises(text: &str) -> Vec<(&'static str, String)> {
    let mut disguises = forms(text);
    disguises.push(("reversed", text.chars().rev().collect()));
    for piece in text.as_bytes().windows(8) {
        let hexadecimal: Vec<_> = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        let pairs = |bytes: &[String]| bytes.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join(" ");
        let letters: Vec<_> = piece.iter().map(|&byte| char::from(byte).to_string()).collect();
        disguises.extend([
            ("pieces", letters.concat()),
            ("od -c", letters.join("   ")),
            ("od -tx1", hexadecimal.join(" ")),
            ("xxd", pairs(&hexadecimal)),
            ("xxd", format!("{} {}", hexadecimal[0], pairs(&hexadecimal[1..]))),
        ]);
    }
    disguises
}

/// Which disguises of a text were seen, and where.
fn seen(evidence: &Evidence, text: &str) -> anyhow::Result<BTreeSet<(&'static str, String)>> {
    let (names, forms): (Vec<_>, Vec<_>) = disguises(text).into_iter().unzip();
    let search = AhoCorasick::new(forms)?;
    let places = evidence.0.iter();
    let found = places.flat_map(|(place, bytes)| search.find_overlapping_iter(bytes).map(move |hit| (hit, place)));
    Ok(found.map(|(hit, place)| (names[hit.pattern()], place.clone())).collect())
}

#[test]
fn a_driver_that_tries_everything_never_sees_its_password() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let echoes: Vec<_> =
        ECHOES.iter().map(|line| Sshd::start(&[&format!("ForceCommand={line}")])).collect::<Result<_, _>>()?;
    let requests = ["connect", "exec", "elevation", "stdin", "pty", "shell", "secret-input"];
    let component = whole("pries", &requests)?;
    let plugins: &[(&str, &[u8])] = &[("pries.wasm", &component)];
    let mut daemon = Daemon::start(&Setup { config: CONFIG, plugins, log: EVERYTHING, ..SETUP })?;

    let login = json!({"password": Sshd::PASSWORD});
    // The command itself must hold none of the forms.
    let shifted = CANARY.replace('a', "A");
    let canaries = SHOWS.map(|show| format!("printf %s {shifted} | tr A a | {show}"));
    let mut jobs: Vec<_> = canaries.iter().map(|command| body(&sshd, "pries", &login, &[command])).collect();
    for user in [Sshd::NOPASSWD, Sshd::USER] {
        jobs.extend(SHOWS.iter().chain(&LOOKS).map(|command| {
            with(body(&sshd, "pries", &login, &[command]), |it| it["connection_args"]["username"] = user.into())
        }));
    }
    jobs.extend(echoes.iter().map(|sshd| body(sshd, "pries", &login, &["id"])));

    let mut evidence = Evidence::default();
    // More at once would take longer than a test waits for one.
    for jobs in jobs.chunks(8) {
        let submitted: Vec<_> = jobs.iter().map(|job| daemon.execute(job)).collect::<Result<_, _>>()?;
        for (answer, asked) in submitted.iter().zip(jobs) {
            evidence.add_answer("POST /device/execute", answer);
            gather(&daemon, answer.job()?, asked, &mut evidence)?;
        }
    }
    evidence.add_folder(&daemon.data())?;
    let log = daemon.end()?;
    evidence.add_folder(&daemon.data())?;
    let memory = dumped(&log).context("the memory of the guest")?;
    evidence.add("log", log);
    evidence.add(MEMORY, memory);

    let canary = seen(&evidence, CANARY)?;
    for form in ["pieces", "base64", "reversed", "od -c", "od -tx1", "xxd"] {
        assert!(canary.contains(&(form, MEMORY.into())), "the driver did not see the canary as {form}: {canary:#?}");
    }
    let places = seen(&evidence, Sshd::PASSWORD)?;
    assert!(places.is_empty(), "the password was seen: {places:#?}");
    Ok(())
}

/// What is shown of a job, once it has ended. It was refused to type the password, and nothing else.
fn gather(daemon: &Daemon, id: &str, asked: &Value, evidence: &mut Evidence) -> anyhow::Result<()> {
    let job = daemon.wait(id)?;
    assert_eq!((&job["state"], &job["error"]), (&json!("finished"), &json!(null)), "{asked}: {job}");
    let audit = daemon.get(&format!("/v1/audit?event=denied&job={id}"))?;
    let entries = audit.body["audit"].as_array().context("a list")?;
    assert_eq!((entries.len(), &entries[0]["by"]), (1, &json!("grants")), "{asked}: {}", audit.text);
    assert_eq!(entries[0]["rule"], "plugin.pries.grants", "{asked}: {}", audit.text);
    assert_eq!(entries[0]["details"], json!({"secret": "connection_args.password"}), "{asked}: {}", audit.text);
    evidence.add_answer("/v1/audit", &audit);
    for path in [format!("/v1/jobs/{id}"), format!("/job?id={id}")] {
        evidence.add_answer(&path, &daemon.get(&path)?);
    }
    Ok(())
}
