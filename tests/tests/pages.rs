//! The pages of `docs` for authors and for operators are true: their commands are executed, in order, from an empty folder,
//! and what they are said to print is compared. Of the others nothing is executed.

use crate::hostile::guest;
use anyhow::{Context, bail, ensure};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// The address that pages speak of.
const ADDRESS: &str = "127.0.0.1:9000";

/// What stands for anything in the output of a page.
const ANYTHING: char = '…';

/// Commands of a page, and what they are said to print.
struct Step {
    commands: String,
    printed: Option<String>,
}

/// The fenced blocks `sh`, each with the block `text` that follows it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut fences = page.split("\n```");
    fences.next();
    while let (Some(block), Some(_prose)) = (fences.next(), fences.next()) {
        match block.split_once('\n') {
            Some(("sh", commands)) => steps.push(Step { commands: commands.into(), printed: None }),
            Some(("text", printed)) => {
                if let Some(step) = steps.last_mut() {
                    step.printed = Some(printed.into());
                }
            }
            _ => {}
        }
    }
    steps
}

/// Whether a text is what a page shows, where `…` stands for anything.
fn is_shown(shown: &str, text: &str) -> bool {
    let mut parts = shown.trim().split(ANYTHING).map(str::trim);
    let mut rest = text.trim();
    let Some(first) = parts.next() else { return false };
    match rest.strip_prefix(first) {
        Some(after) => rest = after,
        None => return false,
    }
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.trim().is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Executes a page in a folder, where `hostler` is the daemon of these tests.
fn execute(name: &str, folder: &Path) -> anyhow::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let page = fs::read_to_string(&page).with_context(|| format!("{} is missing", page.display()))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    // Until the daemon comes, nobody else is to get its port.
    let mut held = Some(listener);
    let programs = folder.join("programs");
    fs::create_dir(&programs)?;
    symlink(env!("CARGO_BIN_EXE_hostler-under-test"), programs.join("hostler"))?;
    #[expect(clippy::disallowed_methods, reason = "whoever follows a page has the programs of this machine, too")]
    let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
    let (room, between) = (folder.join("room"), folder.join("state"));
    fs::create_dir_all(&room)?;
    fs::write(&between, format!("cd '{}'\n", room.display()))?;
    let steps = steps(&page);
    ensure!(!steps.is_empty(), "the page {name} has no commands");
    for Step { commands, printed } in steps {
        if commands.contains("hostler serve") {
            drop(held.take());
        }
        let commands = commands.replace(ADDRESS, &address);
        // Each block goes on in the folder where the one before it ended, with what that exported.
        let keep = r#"{ printf "cd '%s'\n" "$PWD"; export -p | grep HOSTLER_ || true; }"#;
        let script = format!(". '{0}'\n{commands}\n{keep} >'{0}'\n", between.display());
        let output = folder.join("output");
        let status = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .env("PATH", &path)
            .env_remove("HOSTLER_URL")
            .env_remove("HOSTLER_API_KEY")
            .env("LC_ALL", "C")
            .env_remove("CARGO")
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output)?)
            .stderr(fs::File::create(folder.join("errors"))?)
            .status()?;
        let text = fs::read_to_string(&output)?;
        let errors = fs::read_to_string(folder.join("errors"))?;
        // The page's daemon writes there.
        let log = fs::read_to_string(room.join("log")).unwrap_or_default();
        ensure!(status.success(), "of {name}, this failed:\n{commands}\nit printed:\n{text}\n{errors}\n{log}");
        if let Some(printed) = printed {
            ensure!(
                is_shown(&printed, &text),
                "of {name}, this printed something else:\n{commands}\nit printed:\n{text}\nbut the page has:\n{printed}"
            );
        }
    }
    Ok(())
}

/// Executes a page. Its daemon ends with it, whatever happens.
fn follow(name: &str, prepare: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    prepare(folder.path())?;
    let followed = execute(name, folder.path());
    if let Ok(pid) = fs::read_to_string(folder.path().join("room/daemon.pid"))
        && followed.is_err()
    {
        // It may not have started.
        let _ended = Command::new("kill").arg(pid.trim()).status();
    }
    followed
}

#[test]
fn the_tutorial_for_authors_leads_to_a_driver_in_service() -> anyhow::Result<()> {
    follow("authors.md", |_| Ok(()))
}

#[test]
fn the_page_for_operators_does_what_it_says() -> anyhow::Result<()> {
    follow("operators.md", |folder| {
        fs::create_dir(folder.join("room"))?;
        fs::write(folder.join("room/appliance.wasm"), guest("appliance")?)?;
        Ok(())
    })
}

#[test]
fn what_a_page_shows_is_compared() -> anyhow::Result<()> {
    for (shown, text, same) in [
        ("one\ntwo", "one\ntwo\n", true),
        ("one", "one two", false),
        ("one … two", "one and a half two", true),
        ("…\nend", "a\nb\nend\n", true),
        ("…\nend", "a\nend\nb", false),
        ("a…\nb …", "a1\nc\n", false),
    ] {
        if is_shown(shown, text) != same {
            bail!("{shown:?} and {text:?}");
        }
    }
    Ok(())
}
