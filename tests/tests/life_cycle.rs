//! Plugins come, change and go while the daemon serves.

use crate::hostile::{embedded, guest, manifest, whole};
use crate::{SETUP, daemon};
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_tests::{Answer, Daemon, Setup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use ureq::http::{Method, Request};

/// The guest `changes` in version `number`: so it calls itself wherever it speaks.
pub(crate) fn version(number: usize) -> anyhow::Result<Vec<u8>> {
    let manifest = manifest("changes", &[]).replace("0.1.0", "version 00");
    patched(embedded(guest("changes")?, &manifest), b"version 00", format!("version {number:02}").as_bytes())
}

/// A component where one text stands for another of equal length.
fn patched(mut component: Vec<u8>, from: &[u8], to: &[u8]) -> anyhow::Result<Vec<u8>> {
    let places: Vec<usize> = (0..component.len()).filter(|place| component[*place..].starts_with(from)).collect();
    ensure!(!places.is_empty() && from.len() == to.len(), "the text is not in the guest");
    for place in places {
        component[place..place + to.len()].copy_from_slice(to);
    }
    Ok(component)
}

fn install(daemon: &Daemon, name: &str, component: &[u8], signature: Option<&str>) -> anyhow::Result<Answer> {
    let request = Request::put(format!("{}/v1/plugins/{name}", daemon.address()));
    let mut request = request.header("X-API-KEY", Daemon::KEY).header("Content-Type", "application/wasm");
    if let Some(signature) = signature {
        request = request.header("Plugin-Signature", STANDARD.encode(signature));
    }
    daemon.send_as_it_is(request.body(component)?)
}

/// A change that succeeds; answers the plugin as it is listed.
fn done(answer: &Answer) -> anyhow::Result<Value> {
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok(answer.body.clone())
}

/// A plugin as it is listed, but for what grows with each call.
fn without_usage(mut plugin: Value) -> Value {
    plugin["usage"].take();
    plugin
}

fn post(daemon: &Daemon, name: &str, verb: &str) -> anyhow::Result<Answer> {
    daemon.send(Method::POST, &format!("/v1/plugins/{name}/{verb}"), "")
}

/// A change that is refused; answers the sentence.
fn refused(answer: &Answer, status: u16, kind: &str) -> anyhow::Result<String> {
    assert_eq!((answer.status, &answer.body["kind"]), (status, &json!(kind)), "{}", answer.text);
    assert!(answer.headers.contains("application/problem+json"), "{}", answer.headers);
    Ok(answer.body["detail"].as_str().context("a problem has a sentence")?.to_owned())
}

pub(crate) fn job() -> Value {
    json!({
        "driver": "changes",
        "connection_args": {"host": "localhost", "username": "nobody", "password": "not-needed"},
        "command": "which version?"
    })
}

/// Runs a job, and answers the version that carried it out; it is the one that validated it, and the one that the
/// job names.
fn version_of(daemon: &Daemon, job: &Value) -> anyhow::Result<String> {
    let version = job["driver_version"].as_str().context("a job names the version of its driver")?;
    assert_eq!((&job["state"], &job["warnings"]), (&json!("finished"), &json!([version, version])), "{job}");
    assert_eq!(daemon.get("/health")?.status, 200);
    Ok(version.to_owned())
}

pub(crate) fn serving(daemon: &Daemon) -> anyhow::Result<String> {
    version_of(daemon, &daemon.run(&job())?)
}

/// A key pair of its own.
struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> anyhow::Result<Self> {
        let signer = Self { folder: tempfile::tempdir()? };
        signer.ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "release team"])?;
        Ok(signer)
    }

    fn ssh_keygen(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("ssh-keygen").args(arguments).arg("-f").arg(self.path("key")).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn public_key(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.path("key.pub"))?.trim().to_owned())
    }

    /// Signs as the documents say.
    fn sign(&self, component: &[u8]) -> anyhow::Result<String> {
        let file = self.path("signed.wasm");
        fs::write(&file, component)?;
        let signature = self.path("signed.wasm.sig");
        let output = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", "hostler-plugin", "-f"])
            .args([self.path("key"), file])
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read_to_string(&signature)?;
        fs::remove_file(signature)?;
        Ok(text)
    }
}

fn files(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

#[test]
fn only_what_a_listed_key_signed_is_installed() -> anyhow::Result<()> {
    let (signer, stranger, component) = (Signer::new()?, Signer::new()?, version(1)?);
    let config = format!("plugins.keys = [{:?}]", signer.public_key()?);
    let setup = Setup { config: &config, unsigned: false, ..SETUP };
    let daemon = Daemon::start(&setup)?;
    let signature = signer.sign(&component)?;

    let unsigned = refused(&install(&daemon, "changes", &component, None)?, 403, "denied")?;
    assert!(unsigned.contains("not signed") && unsigned.contains("ssh-keygen -Y sign"), "{unsigned}");
    let foreign = install(&daemon, "changes", &component, Some(&stranger.sign(&component)?))?;
    assert!(refused(&foreign, 403, "denied")?.contains("SHA256:"), "{}", foreign.text);
    let damaged = install(&daemon, "changes", &component, Some(&signature[..signature.len() / 2]))?;
    assert!(refused(&damaged, 403, "denied")?.contains("damaged"), "{}", damaged.text);
    refused(&install(&daemon, "changes", &version(2)?, Some(&signature))?, 403, "denied")?;
    let renamed = install(&daemon, "other-name", &component, Some(&signature))?;
    assert!(refused(&renamed, 422, "bad-plugin")?.contains("names the plugin \"changes\""), "{}", renamed.text);
    let outside = install(&daemon, "..%2Foutside", &component, Some(&signature))?;
    refused(&outside, 422, "bad-plugin")?;
    let folder = daemon.data().join("plugins");
    assert_eq!(files(&folder)?, BTreeSet::new(), "what was refused left nothing");
    assert_eq!(daemon.get("/v1/plugins/changes")?.status, 404);
    assert_eq!(daemon.execute(&job())?.status, 422, "there is no such driver");

    let plugin = done(&install(&daemon, "changes", &component, Some(&signature))?)?;
    assert!(plugin["signed_by"].as_str().context("it is signed")?.ends_with(" release team"), "{plugin}");
    assert_eq!((&plugin["version"], &plugin["previous"]), (&json!("version 01"), &Value::Null), "{plugin}");
    assert_eq!(without_usage(daemon.get("/v1/plugins/changes")?.body), without_usage(plugin));
    assert_eq!(serving(&daemon)?, "version 01");
    assert_eq!(files(&folder)?, ["changes.wasm", "changes.wasm.sig"].map(String::from).into());

    let daemon = daemon.restart(&setup)?;
    assert_eq!(serving(&daemon)?, "version 01", "the signature was kept");
    done(&daemon.send(Method::DELETE, "/v1/plugins/changes", "")?)?;
    assert_eq!(files(&folder)?, BTreeSet::new());
    assert_eq!(daemon.execute(&job())?.status, 422, "there is no such driver");
    Ok(())
}

#[test]
fn a_named_digest_admits_that_component_and_no_other() -> anyhow::Result<()> {
    let (named, other) = (version(1)?, version(2)?);
    let daemon = daemon()?;
    let digest = done(&install(&daemon, "changes", &named, None)?)?["digest"].clone();
    let config = format!("plugin.changes.digest = {digest}");
    let daemon = Daemon::start(&Setup { config: &config, unsigned: false, ..SETUP })?;
    done(&install(&daemon, "changes", &named, None)?)?;
    let wrong = refused(&install(&daemon, "changes", &other, None)?, 403, "denied")?;
    assert!(wrong.contains(digest.as_str().context("text")?), "{wrong}");
    assert_eq!(serving(&daemon)?, "version 01");
    let daemon = daemon.restart(&Setup { config: &config, ..SETUP })?;
    refused(&install(&daemon, "changes", &other, None)?, 403, "denied")?;
    assert_eq!(serving(&daemon)?, "version 01", "also where unsigned plugins are loaded");
    Ok(())
}

#[test]
fn a_file_has_no_effect_until_it_is_loaded_and_can_be_rolled_back_also_after_a_restart() -> anyhow::Result<()> {
    let (first, second) = (version(1)?, version(2)?);
    let daemon = Daemon::start(&Setup { plugins: &[("changes.wasm", &first)], ..SETUP })?;
    let file = daemon.data().join("plugins/changes.wasm");
    let digest = daemon.get("/v1/plugins/changes")?.body["digest"].clone();
    fs::write(&file, &second)?;
    assert_eq!(serving(&daemon)?, "version 01");
    let loaded = done(&post(&daemon, "changes", "load")?)?;
    assert_eq!((&loaded["version"], &loaded["previous"]), (&json!("version 02"), &digest), "{loaded}");
    assert_eq!(serving(&daemon)?, "version 02");

    fs::write(&file, "no component")?;
    refused(&post(&daemon, "changes", "load")?, 422, "bad-plugin")?;
    let listed = daemon.get("/v1/plugins/changes")?.body;
    assert_eq!(without_usage(listed), without_usage(loaded.clone()), "what fails changes nothing");
    assert_eq!(serving(&daemon)?, "version 02");

    let back = done(&post(&daemon, "changes", "rollback")?)?;
    assert_eq!((&back["digest"], &back["previous"]), (&digest, &loaded["digest"]), "{back}");
    assert_eq!(serving(&daemon)?, "version 01");
    assert!(fs::read(&file)? == first, "the folder has what is in service");

    let daemon = daemon.restart(&SETUP)?;
    assert_eq!(serving(&daemon)?, "version 01");
    done(&post(&daemon, "changes", "rollback")?)?;
    assert_eq!(serving(&daemon)?, "version 02");
    let daemon = daemon.restart(&SETUP)?;
    assert_eq!(serving(&daemon)?, "version 02");
    fs::write(&file, "no component")?;
    let daemon = daemon.restart(&SETUP)?;
    let broken = daemon.get("/v1/plugins/changes")?.body;
    assert!(broken["error"].is_string() && broken["previous"] == digest, "{broken}");
    done(&post(&daemon, "changes", "rollback")?)?;
    assert_eq!(serving(&daemon)?, "version 01", "also where what is there cannot be loaded");

    fs::write(daemon.data().join("plugins/changes.wasm.previous"), version(3)?)?;
    refused(&post(&daemon, "changes", "rollback")?, 403, "denied")?;
    assert_eq!(serving(&daemon)?, "version 01", "and nothing else comes into service that way");

    refused(&post(&daemon, "paramiko", "rollback")?, 409, "in-use")?;
    refused(&post(&daemon, "nothing", "rollback")?, 404, "not-found")?;
    refused(&post(&daemon, "nothing", "load")?, 404, "not-found")?;
    Ok(())
}

#[test]
fn a_compiled_file_that_was_replaced_is_not_executed() -> anyhow::Result<()> {
    let daemon = daemon()?;
    for number in [1, 2] {
        done(&install(&daemon, "changes", &version(number)?, None)?)?;
    }
    let plugin = daemon.get("/v1/plugins/changes")?.body;
    let cache = daemon.data().join("cache");
    let compiled = |digest: &Value| {
        let digest = digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).context("a digest")?.to_owned();
        let name = files(&cache)?.into_iter().find(|name| name.starts_with(&format!("{digest}-")));
        Ok::<_, anyhow::Error>(cache.join(name.context("it is kept")?))
    };
    let (first, second) = (compiled(&plugin["previous"])?, compiled(&plugin["digest"])?);
    fs::copy(&first, &second)?;
    let mut daemon = daemon.restart(&SETUP)?;
    assert_eq!(serving(&daemon)?, "version 02", "not what lay in its place");
    assert!(daemon.end()?.contains("something else wrote it"), "the operator hears of it");
    Ok(())
}

#[test]
fn compiled_files_of_versions_that_are_gone_are_removed() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let cache = daemon.data().join("cache");
    let before = files(&cache)?.len();
    for number in [1, 2, 3] {
        done(&install(&daemon, "changes", &version(number)?, None)?)?;
    }
    let after = files(&cache)?;
    assert_eq!(after.len(), before + 4, "two versions, each compiled and as it came: {after:?}");
    Ok(())
}

#[test]
fn what_jobs_depend_on_is_not_removed_and_not_replaced_by_what_cannot_serve() -> anyhow::Result<()> {
    let policy = whole("policy-slow", &[])?;
    let config = "[[policy]]\nplugin = \"policy-slow\"";
    let daemon = Daemon::start(&Setup { config, plugins: &[("policy-slow.wasm", &policy)], ..SETUP })?;
    let before = daemon.get("/v1/plugins/policy-slow")?.body;
    for name in ["paramiko", "policy-slow"] {
        refused(&daemon.send(Method::DELETE, &format!("/v1/plugins/{name}"), "")?, 409, "in-use")?;
    }
    refused(&install(&daemon, "paramiko", &policy, None)?, 409, "in-use")?;
    let wants_text = patched(policy, br#"{"type": "object"}"#, br#"{"type": "string"}"#)?;
    let answer = refused(&install(&daemon, "policy-slow", &wants_text, None)?, 422, "bad-plugin")?;
    assert!(answer.contains("settings"), "{answer}");
    assert_eq!(daemon.get("/v1/plugins/policy-slow")?.body, before);
    refused(&daemon.send(Method::DELETE, "/v1/plugins/nothing", "")?, 404, "not-found")?;
    Ok(())
}

#[test]
fn a_driver_that_cannot_validate_does_not_go_into_service() -> anyhow::Result<()> {
    let answer = install(&daemon()?, "traps-in-validate", &whole("traps-in-validate", &[])?, None)?;
    let answer = refused(&answer, 422, "bad-plugin")?;
    assert!(answer.contains("self-test") && answer.contains("trap"), "{answer}");
    Ok(())
}

/// A component with one module of so many large functions.
fn bomb(functions: u32) -> Vec<u8> {
    fn number(mut value: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
        bytes
    }
    let sized = |content: Vec<u8>| [number(u32::try_from(content.len()).expect("it is small")), content].concat();
    let section = |id: u8, content: Vec<u8>| [vec![id], sized(content)].concat();
    let list = |item: Vec<u8>| [number(functions), item.repeat(functions as usize)].concat();
    // (func (param i32) (result i32)): the argument, times itself plus itself, over and over.
    let body = [vec![0, 0x20, 0], [0x20, 0, 0x6c, 0x20, 0, 0x6a].repeat(100_000), vec![0x0b]].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, vec![1, 0x60, 1, 0x7f, 1, 0x7f]),
        section(3, list(vec![0])),
        section(10, list(sized(body))),
    ];
    let component = [b"\0asm\x0d\0\x01\0".to_vec(), section(1, module.concat())].concat();
    embedded(component, &manifest("bomb", &[]))
}

#[test]
fn a_compile_bomb_takes_no_more_than_the_operator_allows() -> anyhow::Result<()> {
    // With its built-in plugins in the cache, the limits are met by the bomb alone.
    let daemon = daemon()?.restart(&Setup { config: "plugins.compile_time = 1", ..SETUP })?;
    let answer = refused(&install(&daemon, "bomb", &bomb(40), None)?, 422, "bad-plugin")?;
    assert!(answer.contains("plugins.compile_time"), "{answer}");
    let daemon = daemon.restart(&Setup { config: "plugins.compile_memory = 400_000_000", ..SETUP })?;
    let answer = refused(&install(&daemon, "bomb", &bomb(40), None)?, 422, "bad-plugin")?;
    assert!(answer.contains("plugins.compile_memory"), "{answer}");
    assert_eq!(daemon.get("/health")?.status, 200);
    assert_eq!(files(&daemon.data().join("plugins"))?, BTreeSet::new());
    Ok(())
}

#[test]
fn no_job_is_lost_while_its_driver_is_replaced_and_rolled_back() -> anyhow::Result<()> {
    const JOBS: usize = 1_000;
    const REPLACEMENTS: usize = 10;
    let daemon = daemon()?;
    let first = done(&install(&daemon, "changes", &version(0)?, None)?)?;
    let (submitted, changing) = (AtomicUsize::new(0), AtomicBool::new(true));
    let submit = || {
        let mut jobs = Vec::new();
        while changing.load(Ordering::Relaxed) || submitted.load(Ordering::Relaxed) < JOBS {
            let accepted = daemon.execute(&job())?;
            ensure!(accepted.status == 201, "{} {}", accepted.status, accepted.text);
            jobs.push(accepted.job()?.to_owned());
            submitted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(jobs)
    };
    let change = || {
        let mut served = vec![first.clone()];
        for number in 1..=REPLACEMENTS {
            served.push(done(&install(&daemon, "changes", &version(number)?, None)?)?);
            if number == REPLACEMENTS / 2 {
                done(&post(&daemon, "changes", "rollback")?)?;
            }
        }
        Ok::<_, anyhow::Error>(served)
    };
    let (jobs, served) = thread::scope(|scope| {
        let submitters = [(); 3].map(|()| scope.spawn(submit));
        let served = change();
        changing.store(false, Ordering::Relaxed);
        let jobs = submitters.map(|submitter| submitter.join().expect("it does not panic"));
        Ok::<_, anyhow::Error>((jobs.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat(), served?))
    })?;
    let mut seen = BTreeSet::new();
    for id in &jobs {
        let job = daemon.wait(id)?;
        let version = version_of(&daemon, &job)?;
        let plugin =
            served.iter().find(|plugin| plugin["digest"] == job["driver_digest"]).context("it was in service")?;
        assert_eq!(plugin["version"], version, "{job}");
        seen.insert(version);
    }
    assert!(jobs.len() >= JOBS && seen.len() > REPLACEMENTS / 2, "{} jobs met {seen:?}", jobs.len());
    Ok(())
}
