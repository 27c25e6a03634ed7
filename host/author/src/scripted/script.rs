//! `script.toml`: what the servers of a trial answer.

use crate::error::Error;
use hostler_model::Exit;
use hostler_patterns::matches;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The servers that there are. An unknown key is an error.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(default, rename = "server")]
    pub(super) servers: Vec<Server>,
}

/// A server, or several that answer alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// Its name, with `*` and `?`.
    #[serde(default = "any")]
    pub(super) host: String,
    /// Who may log in, with `*` and `?`.
    #[serde(default = "any")]
    pub(super) user: String,
    /// What a login must bring. Absent: anything will do.
    pub(super) password: Option<String>,
    /// What commands answer; the first that matches does.
    #[serde(default, rename = "command")]
    pub(super) commands: Vec<Command>,
    /// What a login shell shows: the first one that is opened as the first says, and so on; the last serves all others.
    #[serde(default, rename = "shell")]
    pub(super) shells: Vec<Dialogue>,
    /// What SFTP and transfers see.
    pub(super) files: Option<Files>,
}

/// What a command answers.
#[derive(Deserialize)]
#[serde(try_from = "CommandTable")]
pub(super) struct Command {
    matches: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// How it ends; never by itself, if this is absent.
    pub(super) exit: Option<Exit>,
}

/// A command as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandTable {
    /// The command line, with `*` and `?`.
    matches: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    /// What it returns [default: 0].
    status: Option<u32>,
    /// The signal that ends it, without `SIG`.
    signal: Option<String>,
    /// Whether it goes on until it is stopped or its time is up.
    #[serde(default)]
    hangs: bool,
}

/// What an interactive session shows.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dialogue {
    /// At first.
    #[serde(default)]
    pub(super) shows: String,
    /// What it answers; the first that matches does.
    #[serde(default, rename = "reply")]
    pub(super) replies: Vec<Reply>,
}

/// What an interactive session answers.
#[derive(Clone, Deserialize)]
#[serde(try_from = "ReplyTable")]
pub(super) struct Reply {
    on: Typed,
    pub(super) shows: String,
    pub(super) echo: bool,
    /// With what the session ends then, if it does.
    pub(super) status: Option<u32>,
}

/// A reply as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyTable {
    /// The line that is typed, with `*` and `?`.
    matches: Option<String>,
    /// Instead: what is typed without the Enter key, such as the space that a pager waits for.
    keys: Option<String>,
    #[serde(default)]
    shows: String,
    /// Whether what was typed is shown before, as terminals do except for passwords.
    #[serde(default = "yes")]
    echo: bool,
    /// Has the session end, with this status.
    status: Option<u32>,
}

/// What is waited for.
#[derive(Clone)]
enum Typed {
    Line(String),
    Keys(String),
}

/// The files of a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    /// The folder that a copy is made of, from the script's own folder on.
    pub(super) folder: PathBuf,
}

impl Script {
    /// Reads a script. Errors: it cannot be read; a key is unknown or wrong, with its line.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
        toml::from_str(&text).map_err(|error| Error::wrong(path, &error))
    }

    /// The servers of this name, in the order of the script.
    pub(super) fn named(&self, host: &str) -> impl Iterator<Item = (usize, &Server)> {
        self.servers.iter().enumerate().filter(move |(_, server)| matches(&server.host, host))
    }
}

impl Server {
    /// What a command answers, if the script knows it.
    pub(super) fn command(&self, line: &str) -> Option<&Command> {
        self.commands.iter().find(|command| matches(&command.matches, line))
    }

    /// What the shell of this number shows, counted from 0.
    pub(super) fn shell(&self, number: usize) -> Option<&Dialogue> {
        self.shells.get(number).or(self.shells.last())
    }
}

impl Dialogue {
    /// What is answered to a whole line.
    pub(super) fn to_line(&self, line: &str) -> Option<&Reply> {
        self.replies.iter().find(|reply| matches!(&reply.on, Typed::Line(pattern) if matches(pattern, line)))
    }

    /// What is answered to keys without Enter.
    pub(super) fn to_keys(&self, keys: &str) -> Option<&Reply> {
        self.replies.iter().find(|reply| matches!(&reply.on, Typed::Keys(wanted) if wanted == keys))
    }
}

impl TryFrom<CommandTable> for Command {
    type Error = &'static str;

    fn try_from(table: CommandTable) -> Result<Self, Self::Error> {
        let CommandTable { matches, stdout, stderr, status, signal, hangs } = table;
        let exit = match (status, signal, hangs) {
            (status, None, false) => Some(Exit::Status(status.unwrap_or(0))),
            (None, Some(signal), false) => Some(Exit::Signal(signal)),
            (None, None, true) => None,
            _ => return Err("a command ends in one way: keep one of `status`, `signal` and `hangs`"),
        };
        Ok(Self { matches, stdout, stderr, exit })
    }
}

impl TryFrom<ReplyTable> for Reply {
    type Error = &'static str;

    fn try_from(table: ReplyTable) -> Result<Self, Self::Error> {
        // A terminal ends the line before it looks for what was typed.
        let has_enter = |text: &str| text.contains(['\r', '\n']);
        let on = match (table.matches, table.keys) {
            (Some(line), None) if !has_enter(&line) => Typed::Line(line),
            (None, Some(keys)) if !keys.is_empty() && !has_enter(&keys) => Typed::Keys(keys),
            _ => {
                return Err(
                    "a reply waits for one thing: a line without its end (`matches`), or keys without Enter (`keys`)",
                );
            }
        };
        Ok(Self { on, shows: table.shows, echo: table.echo, status: table.status })
    }
}

fn any() -> String {
    "*".into()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_first_that_matches_answers() {
        let script = script(
            "[[server]]\nhost = 'web?.example'\n[[server.command]]\nmatches = 'uname *'\nstdout = 'Linux'\n\
             [[server.command]]\nmatches = '*'\nstatus = 3\n[[server]]\n",
        );
        let found: Vec<usize> = script.named("web1.example").map(|(index, _)| index).collect();
        assert_eq!(found, [0, 1]);
        assert_eq!(script.named("db.example").next().map(|(index, _)| index), Some(1));
        let web = &script.servers[0];
        let answer = |line| web.command(line).map(|command| (command.stdout.as_str(), command.exit.clone()));
        assert_eq!(answer("uname -a"), Some(("Linux", Some(Exit::Status(0)))));
        assert_eq!(answer("uname"), Some(("", Some(Exit::Status(3)))));
        assert!(script.servers[1].command("uname -a").is_none());
    }

    #[test]
    fn the_last_shell_serves_all_others() {
        let script = script("[[server]]\n[[server.shell]]\nshows = 'a'\n[[server.shell]]\nshows = 'b'\n");
        let shown: Vec<_> = (0..3).filter_map(|number| script.servers[0].shell(number)).map(|it| &*it.shows).collect();
        assert_eq!(shown, ["a", "b", "b"]);
    }

    #[test]
    fn a_reply_is_to_a_line_or_to_keys() {
        let script = script(
            "[[server]]\n[[server.shell]]\n[[server.shell.reply]]\nkeys = ' '\n[[server.shell.reply]]\nmatches = 'show *'\n",
        );
        let dialogue = &script.servers[0].shells[0];
        assert!(dialogue.to_keys(" ").is_some() && dialogue.to_line(" ").is_none());
        assert!(dialogue.to_line("show version").is_some() && dialogue.to_keys("show version").is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, words) in [
            ("[[server]]\nhots = 'x'\n", "line 2", "hots"),
            ("[[server]]\n[[server.command]]\nmatch = 'x'\n", "line 3", "match"),
            ("[[server]]\n[[server.command]]\nmatches = 'x'\nstatus = 1\nsignal = 'TERM'\n", "line 2", "one way"),
            ("[[server]]\n[[server.shell]]\n[[server.shell.reply]]\nshows = 'x'\n", "line 3", "waits for one thing"),
            ("[[server]]\n[[server.shell]]\n[[server.shell.reply]]\nkeys = \"y\\n\"\n", "line 3", "without Enter"),
            ("[[server]]\n[[server.shell]]\n[[server.shell.reply]]\nmatches = \"y\\r\"\n", "line 3", "without its end"),
        ] {
            let error = toml::from_str::<Script>(text).err().expect(text).to_string();
            assert!(error.contains(line) && error.contains(words), "{text}: {error}");
        }
    }
}
