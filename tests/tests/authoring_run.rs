//! `hostler plugin run` and `hostler policy test`: plugins as their authors try them.

use crate::SETUP;
use crate::hostile::{guest, manifest, whole};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A switch that wants the enable password.
const SWITCH: &str = r#"
    [[server]]
    host = "switch*.example"
    user = "admin"
    password = "let me in"

    [[server.shell]]
    shows = "Welcome\nswitch> "
    [[server.shell.reply]]
    matches = "show version"
    shows = "Version 1.2\n --More-- "
    [[server.shell.reply]]
    keys = " "
    echo = false
    shows = "uptime is 3 weeks\nswitch# "
    [[server.shell.reply]]
    matches = "enable"
    shows = "Password: "
    [[server.shell.reply]]
    matches = "of the switch"
    echo = false
    shows = "switch# "
    [[server.shell.reply]]
    matches = "exit"
    status = 0
"#;

/// A server with commands and files.
const SERVER: &str = r#"
    [[server]]
    host = "web1.example"
    [[server.command]]
    matches = "uname *"
    stdout = "Linux\n"
    [[server.command]]
    matches = "sleep *"
    hangs = true
    [server.files]
    folder = "server-files"
"#;

/// A project that was built, and somebody who tries the plugin there.
struct Author {
    folder: TempDir,
}

impl Author {
    /// With the component `NAME.wasm`, its manifest, a script and a request.
    fn new(manifest: &str, component: &[u8], script: &str, request: &Value) -> anyhow::Result<Self> {
        let author = Self { folder: TempDir::with_prefix("hostler-author-")? };
        let name = manifest.split('"').nth(1).context("a manifest begins with the name")?;
        fs::write(author.folder.path().join(format!("{name}.wasm")), component)?;
        author.put("plugin.toml", manifest)?;
        author.put("Cargo.toml", "")?;
        author.put("script.toml", script)?;
        author.asks(request)?;
        Ok(author)
    }

    /// With a guest of the tests.
    fn of_guest(name: &str, request: &Value) -> anyhow::Result<Self> {
        let author = Self::new(&manifest(name, &[]), &whole(name, &[])?, SERVER, request)?;
        author.put("server-files/etc/motd", "be welcome\n")?;
        Ok(author)
    }

    /// With a policy that does what its settings say.
    fn of_policy(request: &Value) -> anyhow::Result<Self> {
        Self::of_guest("policy-script", request)
    }

    fn put(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(&path, text)?;
        Ok(path)
    }

    fn asks(&self, request: &Value) -> anyhow::Result<()> {
        self.put("request.json", &request.to_string()).map(drop)
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    fn line(&self, words: &[&str], more: &[&str]) -> Command {
        let mut line = Command::new(SETUP.program);
        line.env_clear().args(words).args(more).current_dir(self.folder.path());
        line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        line
    }

    /// What `plugin run --json` ends with and tells.
    fn run(&self, more: &[&str]) -> anyhow::Result<(Option<i32>, Vec<Value>)> {
        documents(&self.line(&["plugin", "run", "--json"], more).output()?)
    }

    /// The sentence that nothing comes of it for.
    fn refused(&self, more: &[&str], code: i32) -> anyhow::Result<String> {
        let output = self.line(&["plugin", "run"], more).output()?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(code), "{said}");
        Ok(said)
    }
}

fn documents(output: &Output) -> anyhow::Result<(Option<i32>, Vec<Value>)> {
    let text = std::str::from_utf8(&output.stdout)?;
    let told = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    let said = String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), told.with_context(|| format!("{text}\n{said}"))?)).inspect(|(_, told): &(_, Vec<_>)| {
        assert!(!told.is_empty(), "nothing was told: {said}");
    })
}

/// What was told of one sort.
fn told<'a>(documents: &'a [Value], what: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["told"] == what).collect()
}

fn switch(command: &[&str]) -> Value {
    json!({
        "connection_args": {"host": "switch1.example", "username": "admin", "password": "let me in"},
        "driver_args": {"timeout": 5, "enable_password": "of the switch"},
        "command": command,
    })
}

fn server(more: Value) -> Value {
    let mut request =
        json!({"connection_args": {"host": "web1.example", "username": "admin", "password": "not checked"}});
    if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
        request.extend(more);
    }
    request
}

fn appliance(request: &Value) -> anyhow::Result<Author> {
    Author::new(include_str!("../../plugins/appliance/plugin.toml"), &guest("appliance")?, SWITCH, request)
}

#[test]
fn a_driver_speaks_with_a_scripted_session_under_its_own_grants() -> anyhow::Result<()> {
    let author = appliance(&switch(&["show version", "shwo"]))?;
    let (code, documents) = author.run(&[])?;
    assert_eq!(code, Some(0), "{documents:?}");
    assert_eq!(told(&documents, "plan")[0]["target"]["host"], "switch1.example");
    let results = told(&documents, "result");
    assert_eq!(results[0]["stdout"], "Version 1.2\nuptime is 3 weeks\n", "the pager got its key: {documents:?}");
    assert_eq!(results[1]["stdout"], "shwo: command not found\n", "an unknown line gets an answer and the prompt");
    let typed: Vec<_> = told(&documents, "action").iter().map(|action| action["details"].clone()).collect();
    assert!(typed.contains(&json!({"secret": "driver_args.enable_password"})), "{typed:?}");
    assert_eq!(told(&documents, "end")[0]["error"], Value::Null);
    assert!(!documents.iter().any(|it| it.to_string().contains("of the switch")), "the secret is in no line");

    let compiled = || -> anyhow::Result<Vec<_>> {
        let entries = fs::read_dir(author.folder.path().join("build/cache"))?;
        let mut files: Vec<_> = entries.map(|entry| Ok((entry?.path(), ()))).collect::<anyhow::Result<Vec<_>>>()?;
        files.retain(|(path, ())| path.extension().is_some_and(|extension| extension == "cwasm"));
        files.iter().map(|(path, ())| Ok((path.clone(), fs::metadata(path)?.modified()?))).collect()
    };
    let before = compiled()?;
    assert!(!before.is_empty());
    let people = author.line(&["plugin", "run"], &[]).output()?;
    let people = String::from_utf8(people.stdout)?;
    assert_eq!(compiled()?, before, "the second run compiles nothing");
    for line in ["target      admin@switch1.example:22", "let pass    shell", "            | uptime is 3 weeks"] {
        assert!(people.lines().any(|it| it == line), "{line}: {people}");
    }

    author
        .put("narrow.toml", "grants = ['connect', 'pty', 'secret-input', {capability = 'shell', hosts = ['other']}]")?;
    let (code, documents) = author.run(&["--grants", "narrow.toml"])?;
    let [denied] = told(&documents, "action")[..] else { panic!("{documents:?}") };
    assert_eq!((code, &denied["event"], &denied["by"]), (Some(1), &json!("denied"), &json!("grants")));
    let error = &told(&documents, "end")[0]["error"];
    assert_eq!((&error["kind"], &error["phase"]), (&json!("denied"), &json!("policy")));
    assert!(error["message"].as_str().is_some_and(|it| it.contains("plugin.appliance.grants[3]")), "{error}");

    author.put("few.toml", "grants = ['connect']")?;
    let said = author.refused(&["--grants", "few.toml"], 1)?;
    assert!(said.contains("it imports hostler:plugin/shell@") && said.contains("add \"shell\""), "{said}");

    author.asks(&switch(&["show version"]).as_object().map_or(Value::Null, |it| {
        let mut wrong = it.clone();
        wrong["connection_args"]["password"] = "wrong".into();
        wrong.into()
    }))?;
    let (code, documents) = author.run(&[])?;
    assert_eq!((code, &told(&documents, "end")[0]["error"]["kind"]), (Some(1), &json!("auth-failed")));
    Ok(())
}

#[test]
fn what_is_wrong_with_the_files_is_named() -> anyhow::Result<()> {
    let author = appliance(&switch(&["show version"]))?;
    author.put("script.toml", "[[server]]\nhots = 'x'\n")?;
    let said = author.refused(&[], 2)?;
    assert!(said.contains("script.toml is wrong") && said.contains("line 2") && said.contains("hots"), "{said}");
    author.put("grants.toml", "grants = [{capability = 'exec', command = ['x']}]")?;
    let said = author.refused(&["--grants", "grants.toml"], 2)?;
    assert!(said.contains("grants.toml is wrong"), "{said}");
    author.asks(&json!({"connection_args": {"password": 7}, "comand": "x", "port": "22"}))?;
    let said = author.refused(&[], 2)?;
    assert!(said.contains("comand: Extra inputs are not permitted"), "{said}");
    author.put("request.json", "{\"command\": ")?;
    assert!(author.refused(&[], 2)?.contains("it is no JSON"), "it is cut");
    assert!(author.refused(&["--settings", "x.json"], 2)?.contains("are for policies"), "a driver has no settings");
    fs::remove_file(author.folder.path().join("request.json"))?;
    assert!(author.refused(&[], 2)?.contains("request.json"), "it is missing");
    Ok(())
}

#[test]
fn limits_end_a_plugin_as_in_the_daemon() -> anyhow::Result<()> {
    for (name, sentence) in [("loops", "it used up its CPU time of 10000 ms"), ("allocates", "MiB of memory")] {
        let author = Author::of_guest(name, &server(json!({"command": "uname -a"})))?;
        let (code, documents) = author.run(&[])?;
        let error = &told(&documents, "end")[0]["error"];
        assert_eq!((code, &error["kind"], &error["phase"]), (Some(1), &json!("limit"), &json!("plugin")), "{name}");
        assert!(error["message"].as_str().is_some_and(|it| it.contains(sentence)), "{error}");
    }
    Ok(())
}

#[test]
fn a_policy_judges_a_driver_at_work_with_commands_and_files() -> anyhow::Result<()> {
    let author = Author::of_policy(&server(json!({"command": ["uname -a", "whoami"]})))?;
    let (code, documents) = author.run(&[])?;
    let results = told(&documents, "result");
    assert_eq!((code, &results[0]["stdout"]), (Some(0), &json!("Linux\n")), "{documents:?}");
    assert_eq!(
        (&results[1]["exit"]["status"], &results[1]["stderr"]),
        (&json!(127), &json!("whoami: command not found\n"))
    );
    assert_eq!(told(&documents, "verdict")[0]["verdict"], "allowed");

    author.put("settings.json", r#"{"authorize": {"kind": "exec", "deny": "Not today."}}"#)?;
    let (code, documents) = author.run(&[])?;
    let [denied] = told(&documents, "action")[..] else { panic!("{documents:?}") };
    assert_eq!((code, &denied["by"], &denied["reason"]), (Some(1), &json!("policy-script"), &json!("Not today.")));
    assert!(told(&documents, "result").is_empty());

    author.put(
        "other.json",
        r#"{"review": {"amend": [{"op": "replace", "path": "/command/0", "value": "uname -r"}]}}"#,
    )?;
    // It wants to change the job again and again, which is once too often.
    for (more, changes) in [(&[][..], 0), (&["--may-amend"][..], 1)] {
        let (code, documents) = author.run(&[&["--settings", "other.json"], more].concat())?;
        let amended = told(&documents, "action").iter().filter(|action| action["event"] == "amended").count();
        assert_eq!((code, amended), (Some(1), changes), "{documents:?}");
        assert_eq!(told(&documents, "end")[0]["error"]["phase"], "policy");
    }

    author.put("settings.json", "{}")?;
    author.put("files/notes.txt", "to be moved\n")?;
    let moving = |operation: &str, local: &str, remote: &str| {
        let transfer = json!({"operation": operation, "local_path": local, "remote_path": remote});
        author.asks(&server(json!({"driver_args": {"file_transfer": transfer}})))
    };
    moving("upload", "notes.txt", "/etc/notes.txt")?;
    let (code, documents) = author.run(&[])?;
    assert_eq!((code, &told(&documents, "result")[0]["moved"]["bytes"]), (Some(0), &json!(12)), "{documents:?}");
    assert_eq!(author.read("build/servers/0/etc/notes.txt")?, "to be moved\n");
    assert!(!author.folder.path().join("server-files/etc/notes.txt").exists(), "it is a copy that changes");
    moving("download", "got", "/etc/motd")?;
    let (code, documents) = author.run(&[])?;
    assert_eq!((code, author.read("files/got")?.as_str()), (Some(0), "be welcome\n"), "{documents:?}");
    moving("download", "got", "/etc/missing")?;
    let (code, documents) = author.run(&[])?;
    assert_eq!((code, &told(&documents, "end")[0]["error"]["kind"]), (Some(1), &json!("not-found")), "{documents:?}");
    Ok(())
}

#[test]
fn ctrl_c_cancels_what_runs() -> anyhow::Result<()> {
    let author = Author::of_policy(&server(json!({"command": "sleep 1000"})))?;
    let mut child = author.line(&["plugin", "run", "--json"], &[]).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    let begun = lines.by_ref().find(|line| line.as_ref().is_ok_and(|line| line.contains(r#""event":"executed""#)));
    begun.context("it ended before it began")??;
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    ensure!(asked.success(), "it could not be interrupted");
    let last = lines.last().context("nothing more was told")??;
    let last: Value = serde_json::from_str(&last)?;
    assert_eq!((&last["told"], &last["error"]["kind"]), (&json!("end"), &json!("canceled")), "{last}");
    assert!(
        last["error"]["message"].as_str().is_some_and(|it| it.ends_with("the remote process was stopped")),
        "{last}"
    );
    assert_eq!(child.wait()?.code(), Some(1));
    Ok(())
}

#[test]
fn a_real_server_is_reached_as_the_daemon_reaches_it() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let request = json!({
        "connection_args": {
            "host": "127.0.0.1", "port": sshd.port(), "username": Sshd::APPLIANCE, "password": Sshd::PASSWORD,
        },
        "driver_args": {"timeout": 20},
        "command": "show version",
    });
    let author = appliance(&request)?;
    let (code, documents) = author.run(&["--real"])?;
    assert_eq!(code, Some(0), "{documents:?}");
    let shown = told(&documents, "result")[0]["stdout"].as_str().context("text")?;
    assert!(shown.starts_with("Fake Switch Software"), "{shown}");
    assert!(author.read("build/data/known_hosts")?.contains("127.0.0.1"), "the key is on record now");

    author.put("data/known_hosts", "")?;
    let mut strict = request;
    strict["connection_args"]["host_key_policy"] = "reject".into();
    author.asks(&strict)?;
    let (code, documents) = author.run(&["--real", "--data-dir", "data"])?;
    assert_eq!((code, &told(&documents, "end")[0]["error"]["kind"]), (Some(1), &json!("host-key-unknown")));
    Ok(())
}

/// A daemon with `policy-script` as its only policy.
fn judged_daemon(settings: &str) -> anyhow::Result<Daemon> {
    let config = format!("[[policy]]\nplugin = 'policy-script'\nsettings = {settings}\n");
    let policy = whole("policy-script", &[])?;
    Daemon::start(&Setup { config: &config, plugins: &[("policy-script.wasm", &policy)], ..SETUP })
}

/// The audit of the daemon and its jobs, as an operator writes them into a file.
fn record(daemon: &Daemon, jobs: &[&Value], to: &Path) -> anyhow::Result<()> {
    let audit = daemon.get("/v1/audit")?;
    let mut lines: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    lines.push(audit.body.to_string());
    Ok(fs::write(to, lines.join("\n"))?)
}

#[test]
fn recorded_jobs_are_judged_again() -> anyhow::Result<()> {
    let (daemon, sshd) = (judged_daemon("{ authorize = { kind = 'exec', deny = 'No.' } }")?, Sshd::shared()?);
    let job = daemon.run(&crate::job::body(&sshd, "echo hi"))?;
    assert_eq!(job["error"]["kind"], "denied", "{job}");
    let author = Author::of_policy(&Value::Null)?;
    record(&daemon, &[&job], &author.folder.path().join("recorded.jsonl"))?;

    let test = |settings: &str| {
        author.put("settings.json", settings)?;
        let line = ["--jobs", "recorded.jsonl", "--expect-same", "--json"];
        documents(&author.line(&["policy", "test"], &line).output()?)
    };
    let (code, documents) = test(r#"{"authorize": {"kind": "exec", "deny": "No."}}"#)?;
    assert_eq!(code, Some(0), "{documents:?}");
    let end = told(&documents, "end")[0];
    assert_eq!((&end["judged"], &end["differ"], &end["unjudged"]), (&json!(2), &json!(0), &json!(0)), "{documents:?}");
    let (code, documents) = test("{}")?;
    assert_eq!(code, Some(1));
    let differing: Vec<_> = told(&documents, "answer").into_iter().filter(|answer| answer["differs"] == true).collect();
    let [answer] = &differing[..] else { panic!("{documents:?}") };
    assert_eq!(
        (&answer["what"], &answer["now"], &answer["then"]),
        (&json!("exec `echo hi`"), &json!("allowed"), &json!("denied"))
    );
    let (code, documents) = test(r#"{"review": {"deny": "Never."}}"#)?;
    assert_eq!(code, Some(1));
    assert_eq!(told(&documents, "end")[0]["differ"], 2, "the job was accepted, and its command was not: {documents:?}");
    Ok(())
}

#[test]
fn a_job_that_was_refused_can_be_judged_again() -> anyhow::Result<()> {
    let (daemon, sshd) = (judged_daemon("{ review = { deny = 'Never.' } }")?, Sshd::shared()?);
    daemon.execute(&crate::job::body(&sshd, "echo hi"))?;
    let author = Author::of_policy(&Value::Null)?;
    let recorded = author.folder.path().join("recorded.jsonl");
    record(&daemon, &[], &recorded)?;
    let text = fs::read_to_string(&recorded)?;
    assert!(
        !text.contains(Sshd::PASSWORD) && text.contains("connection_args.password"),
        "names of secrets only: {text}"
    );
    let output = author.line(&["policy", "test"], &["--jobs", "recorded.jsonl"]).output()?;
    let said = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(0), "nobody asked that it be the same: {said}");
    assert!(said.contains(": allowed [denied then]"), "{said}");
    assert!(said.ends_with("1 judged, 1 differ from what was decided then, 0 cannot be judged again\n"), "{said}");
    Ok(())
}
