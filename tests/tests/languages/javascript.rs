//! Plugins in JavaScript, compiled by componentize-js.

use super::{
    PATIENT, REPOSITORY, assert_exceptions, assert_look_says, assert_own_errors, assert_problems, build, copy,
    first_plugin, said, trouble,
};
use crate::SETUP;
use crate::job::{body, failing, finishing, output, with};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Modules, Setup, Shared, Sshd};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

const EXAMPLE: &str = "examples/javascript-policy";
const GRANTS: &str = r#"
    plugin.trouble.grants = ["connect", "exec"]
    plugin.trouble.limits = { memory = 33554432, cpu_ms = 2000 }
"#;
const TROUBLE: &str = "[[policy]]\nplugin = \"policy-trouble\"\n";

/// The tools, for all projects of these tests.
pub(super) fn modules() -> anyhow::Result<Modules> {
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/languages/javascript/package.json");
    Modules::of(env!("CARGO_TARGET_TMPDIR"), "componentize-js", package)
}

/// Where node is found: where this machine has it.
#[expect(clippy::disallowed_methods, reason = "`make setup` asks for node on this PATH")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The daemon with the plugins of these tests, which they share: to compile them takes long.
fn daemon() -> anyhow::Result<Arc<Daemon>> {
    static SHARED: Shared<Daemon> = Shared::new();
    SHARED.get(|| {
        let path = path();
        let plugins = [
            ("change-tickets.wasm", build(EXAMPLE, &path)?),
            ("trouble.wasm", build("tests/languages/javascript/driver", &path)?),
            ("policy-trouble.wasm", build("tests/languages/javascript/policy", &path)?),
        ];
        let plugins = plugins.each_ref().map(|(name, component)| (*name, component.as_slice()));
        let config = [PATIENT, GRANTS, TROUBLE, &tickets()].concat();
        Daemon::start(&Setup { config: &config, plugins: &plugins, ..SETUP })
    })
}

/// The example, for all that these tests ask for.
fn tickets() -> String {
    let user = Sshd::USER;
    format!(
        r#"
        [[policy]]
        plugin = "change-tickets"
        may_amend = true
        [policy.settings]
        longest_timeout = 5
        [[policy.settings.rules]]
        hosts = ["127.0.0.*"]
        users = ["{user}"]
        commands = ["true", "anything", "echo *", "echo one | tr a-z A-Z"]
        [[policy.settings.rules]]
        hosts = ["127.0.0.*"]
        users = ["{user}"]
        commands = ["printenv TICKET", "sleep 60"]
        ticket = "CHG[0-9]{{7}}"
        "#
    )
}

/// What a job is refused with before it is accepted.
fn denied(daemon: &Daemon, body: &Value) -> anyhow::Result<String> {
    let answer = daemon.execute(body)?;
    assert_eq!(answer.status, 403, "{}", answer.text);
    Ok(answer.text)
}

#[test]
fn an_empty_folder_becomes_a_driver_and_a_policy() -> anyhow::Result<()> {
    let driver = first_plugin("js", "driver", &path())?;
    assert!(driver.contains("Linux"), "{driver}");
    let policy = first_plugin("js", "policy", &path())?;
    assert!(policy.contains("load average"), "{policy}");
    Ok(())
}

#[test]
fn what_is_written_for_node_is_tried_in_node() -> anyhow::Result<()> {
    for project in [EXAMPLE, "host/author/templates/js/policy", "tests/languages/javascript/sdk"] {
        let folder = copy(project)?;
        let modules = folder.path().join("node_modules");
        fs::create_dir(&modules)?;
        std::os::unix::fs::symlink(Path::new(REPOSITORY).join("plugins/sdk-js"), modules.join("hostler-sdk"))?;
        let tried = Command::new("node").args(["--test", "--test-reporter=tap"]).current_dir(folder.path()).output()?;
        let shown = said(&tried);
        ensure!(
            tried.status.success() && shown.contains("# fail 0") && !shown.contains("# pass 0"),
            "{project}: {shown}"
        );
    }
    Ok(())
}

#[test]
fn a_build_that_cannot_be_says_what_to_do() -> anyhow::Result<()> {
    let folder = TempDir::with_prefix("a project ")?;
    for file in ["plugin.toml", "plugin.js"] {
        let source = Path::new(REPOSITORY).join("tests/languages/javascript/policy").join(file);
        fs::copy(source, folder.path().join(file))?;
    }
    let build = |path: &str| -> anyhow::Result<String> {
        let build =
            Command::new(SETUP.program).args(["plugin", "build"]).arg(folder.path()).env("PATH", path).output()?;
        assert_eq!(build.status.code(), Some(1), "{}", said(&build));
        Ok(String::from_utf8(build.stderr)?)
    };
    let without_node = build("/nowhere")?;
    assert!(without_node.contains("apt-get install nodejs npm"), "{without_node}");
    let usual = path().into_string().ok().context("it is UTF-8")?;
    let without_tools = build(&usual)?;
    assert!(without_tools.contains("esbuild is not installed: run `npm install` in "), "{without_tools}");

    modules()?.lend(folder.path())?;
    let source = folder.path().join("plugin.js");
    fs::write(
        &source,
        "import { Shell } from \"hostler-sdk/shell\";\nexport const judging = { describe: Shell.open };\n",
    )?;
    let beyond = build(&usual)?;
    assert!(beyond.contains("plugin.js calls hostler:plugin/shell@0.1.0, and plugin.toml asks"), "{beyond}");
    fs::write(&source, "import { policy } from \"hostler-sdk/policy\";\nexport const judging = policy(class {});\n")?;
    let lacking = build(&usual)?;
    assert!(lacking.contains("description.name must be a string"), "{lacking}");
    fs::write(&source, "export const = 5;\n")?;
    let broken = build(&usual)?;
    assert!(broken.contains("plugin.js:1:13"), "{broken}");
    Ok(())
}

#[test]
fn the_example_asks_for_tickets() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    assert_eq!(output(&daemon, &body(&sshd, "echo one | tr a-z A-Z"))?, "ONE\n");
    for command in ["cat /etc/passwd", "echo one; cat /etc/passwd"] {
        let answer = denied(&daemon, &body(&sshd, command))?;
        assert!(answer.contains("No rule lets") && answer.contains("run this on `127.0.0.1`"), "{answer}");
    }
    let ticket = |command: &str, number: &str| {
        with(body(&sshd, command), |it| it["driver_args"] = json!({"environment": {"TICKET": number}}))
    };
    let wrong = denied(&daemon, &ticket("printenv TICKET", "CHG5"))?;
    assert!(wrong.contains("driver_args.environment.TICKET"), "{wrong}");
    assert_eq!(output(&daemon, &ticket("printenv TICKET", "CHG0012345"))?, "CHG0012345\n");
    let elsewhere =
        with(body(&sshd, "echo one | tr a-z A-Z"), |it| it["driver_args"] = json!({"working_directory": "/etc"}));
    let elsewhere = failing(&daemon, &elsewhere, "denied", "policy")?;
    assert!(elsewhere.contains("more-than-a-command"), "{elsewhere}");

    let endless = failing(&daemon, &ticket("sleep 60", "CHG0012345"), "timeout", "exec")?;
    assert!(endless.contains('5'), "the policy gave it five seconds: {endless}");
    Ok(())
}

#[test]
fn what_a_driver_throws_becomes_an_error() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let exceptions = [
        ("exception", "Error: half a letter \u{fffd}, and xxx"),
        ("text", "no error at all"),
        ("unshowable", "something that cannot even be shown"),
        ("missing", "TypeError: this[trouble] is not a function"),
        ("recursion", "InternalError: too much recursion"),
        ("wrongType", "TypeError: output must be a string or a Uint8Array, not 5"),
        ("wrongNumber", "TypeError: ms must be a whole number from 0 on, not -1"),
        ("wrong-item", "TypeError: run must be a whole number"),
        ("noHandle", "TypeError: a handle of the daemon is wanted"),
        ("timer", "There is no setTimeout in a plugin"),
        ("fetch", "There is no fetch in a plugin"),
    ];
    assert_exceptions(&daemon, &sshd, &exceptions)?;
    assert_own_errors(&daemon, &sshd)?;
    failing(&daemon, &trouble(&sshd, "twice"), "out-of-paper", "exec")?;
    let problems = [
        ("validate", "TypeError: can't access property"),
        ("invalid", "There is too much of it."),
        ("no-answer", "target must be an object"),
        ("wrong-answer", "target.port must be a whole number"),
    ];
    assert_problems(&daemon, &sshd, &problems)?;
    assert_look_says(&daemon, &sshd, "RangeError: not caught in connect")
}

#[test]
fn a_driver_that_takes_too_much_is_stopped() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    failing(&daemon, &trouble(&sshd, "memory"), "limit", "plugin")?;
    failing(&daemon, &trouble(&sshd, "loop"), "limit", "plugin")?;
    Ok(())
}

#[test]
fn a_driver_has_what_the_daemon_lends() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    for (kind, shown) in [
        ("lent", "true,3,true,true,false"),
        ("leftOpen", "left open\n"),
        ("using", "all were closed"),
        ("decoded", "2 TypeError"),
    ] {
        assert_eq!(finishing(&daemon, &trouble(&sshd, kind))?["results"][0]["stdout"], shown, "{kind}");
    }
    Ok(())
}

#[test]
fn a_policy_that_throws_denies() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    for (command, sentence) in [
        ("echo review", "RangeError: not caught in review"),
        ("echo no-verdict", "TypeError: the policy must answer with allow, deny, amend"),
        ("echo random", "A policy has no random numbers"),
    ] {
        let answer = denied(&daemon, &body(&sshd, command))?;
        assert!(answer.contains(sentence), "{command}: {answer}");
    }
    let never = daemon.execute(&body(&sshd, "echo never"))?;
    assert_eq!((never.status, &never.body["data"]["phase"]), (502, &json!("policy")), "{}", never.text);
    let thrown = failing(&daemon, &body(&sshd, "echo authorize"), "denied", "policy")?;
    assert!(thrown.contains("(exception)") && thrown.contains("RangeError: not caught in authorize"), "{thrown}");
    let forbidden = failing(&daemon, &body(&sshd, "echo forbidden"), "denied", "policy")?;
    assert!(forbidden.contains("(forbidden): Nobody may do that."), "{forbidden}");

    let component = fs::read(daemon.data().join("plugins/policy-trouble.wasm"))?;
    let config = [PATIENT, TROUBLE, "settings = { some = 1 }\n"].concat();
    let plugins: [(&str, &[u8]); 1] = [("policy-trouble.wasm", &component)];
    let started = Daemon::start(&Setup { config: &config, plugins: &plugins, ..SETUP });
    let log = format!("{:#}", started.err().context("it does not start with settings that the policy refuses")?);
    assert!(log.contains("The plugin failed, tell its author: RangeError: not caught in the constructor"), "{log}");
    assert!(log.contains(r"Trouble@plugin.js:"), "the stack is logged: {log}");
    Ok(())
}
