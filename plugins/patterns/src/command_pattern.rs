//! What a rule says about commands.

use crate::command::{Command, SYSTEM_FOLDERS, Unjudgeable, parse};
use crate::path::{PathPattern, normal};
use crate::wildcard::matches;
use std::fmt;

/// Commands that a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandPattern {
    program: Word,
    arguments: Vec<Word>,
    /// Whether any further arguments may follow.
    is_open: bool,
    is_all: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    /// What begins with `/`.
    Path(PathPattern),
    /// `*` for any number of characters, `?` for one.
    Text(String),
}

/// Why a line is not covered.
#[derive(Clone, Debug, PartialEq)]
pub enum Uncovered {
    /// Nobody can say what it would run.
    Unjudgeable(Unjudgeable),
    /// No pattern means this command of it.
    Command(Command),
}

impl fmt::Display for Uncovered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unjudgeable(why) => why.fmt(formatter),
            Self::Command(command) => write!(formatter, "no rule names the command `{command}`"),
        }
    }
}

impl CommandPattern {
    /// Reads what an operator wrote: words with the wildcards `*` and `?`, separated by spaces. A sentence says
    /// what is wrong with it.
    ///
    /// The first word is the program: a name means a program of the system ([`Command::system_program`]), a path
    /// that path alone. `*` as the last word means any further words, none too; elsewhere a wildcard stays within
    /// its word. A word that begins with `/` is a [`PathPattern`], so that `/var/log/*` does not mean
    /// `/var/log/../shadow`. A pattern that is just `*` means every line, also one that cannot be parsed.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.contains(|c: char| c != ' ' && (c.is_whitespace() || c.is_control())) {
            return Err("The words of a command are separated by spaces.");
        }
        if text.contains(|c| "'\"\\`$;|&<>()".contains(c)) {
            return Err("Write the words without quotes and other signs of the shell: ? stands for any one of them.");
        }
        let mut words =
            text.split(' ').filter(|word| !word.is_empty()).map(Word::read).collect::<Result<Vec<_>, _>>()?;
        let any = Word::Text("*".into());
        let is_all = words == [any.clone()];
        let is_open = !is_all && words.pop_if(|last| *last == any).is_some();
        if words.is_empty() {
            return Err("Name at least the program.");
        }
        let program = words.remove(0);
        if matches!(&program, Word::Text(name) if name.contains('/')) {
            return Err("A program is a name, or a path that begins with /.");
        }
        Ok(Self { program, arguments: words, is_open, is_all })
    }

    /// Whether it means every line.
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// Whether it means a command.
    pub fn covers(&self, command: &Command) -> bool {
        let is_program = match &self.program {
            Word::Path(_) => self.program.covers(command.program()),
            Word::Text(_) => command.system_program().is_some_and(|name| self.program.covers(&name)),
        };
        let mut given = command.words().iter().skip(1);
        let mut wanted = self.arguments.iter();
        self.is_all
            || is_program
                && wanted.all(|word| given.next().is_some_and(|given| word.covers(given)))
                && (self.is_open || given.next().is_none())
    }

    /// Whether it means a command that is to be denied: a program of the system also by the other names that it may
    /// have there. `None`: nobody can say, because of a path without a [`normal`] form.
    pub fn denies(&self, command: &Command) -> Option<bool> {
        let given = &command.words()[1..];
        let fits = if self.is_open { given.len() >= self.arguments.len() } else { given.len() == self.arguments.len() };
        if self.is_all || !fits {
            return Some(self.is_all);
        }
        let words = self.arguments.iter().zip(given).map(|(word, given)| word.denies(given));
        let all = words.chain([self.denies_program(command)]);
        // One word that certainly differs is enough, whatever the others are.
        all.reduce(|one, other| if one == Some(true) || other == Some(false) { other } else { one }).flatten()
    }

    fn denies_program(&self, command: &Command) -> Option<bool> {
        match command.system_program() {
            Some(name) if matches!(self.program, Word::Text(_)) => Some(self.program.covers(&name)),
            Some(name) => Some(SYSTEM_FOLDERS.iter().any(|folder| self.program.covers(&format!("{folder}/{name}")))),
            None => {
                let path = normal(command.program())?;
                Some(matches!(self.program, Word::Path(_)) && self.program.covers(&path))
            }
        }
    }
}

impl Word {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') { PathPattern::read(text).map(Self::Path) } else { Ok(Self::Text(text.into())) }
    }

    fn covers(&self, word: &str) -> bool {
        match self {
            Self::Path(pattern) => normal(word).is_some_and(|path| pattern.covers(&path)),
            Self::Text(pattern) => matches(pattern, word),
        }
    }

    /// The same of an argument that is to be denied. An option is no path, and any other word may be one.
    fn denies(&self, word: &str) -> Option<bool> {
        match self {
            Self::Path(_) if !word.starts_with('-') && normal(word).is_none() => None,
            _ => Some(self.covers(word)),
        }
    }
}

/// Whether each command of a line is meant by one of the patterns.
pub fn covers_line(patterns: &[CommandPattern], line: &str) -> Result<(), Uncovered> {
    if patterns.iter().any(CommandPattern::is_all) {
        return Ok(());
    }
    let commands = parse(line).map_err(Uncovered::Unjudgeable)?;
    let is_covered = |command: &Command| patterns.iter().any(|pattern| pattern.covers(command));
    commands.into_iter().find(|command| !is_covered(command)).map_or(Ok(()), |one| Err(Uncovered::Command(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(pattern: &str, line: &str) -> bool {
        let patterns = [CommandPattern::read(pattern).expect("a pattern")];
        covers_line(&patterns, line).is_ok()
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(pattern in ".{0,30}", line in ".{0,30}") {
            if let Ok(pattern) = CommandPattern::read(&pattern) {
                let _ = covers_line(&[pattern], &line);
            }
        }

        #[test]
        fn whatever_is_covered_is_denied_too(pattern in "[a-b/.*]{1,5}( [a-b/.*]{1,4}){0,2}", line in "[a-b/.]{1,6}( [a-b/.]{1,5}){0,2}") {
            if let (Ok(pattern), Ok(commands)) = (CommandPattern::read(&pattern), parse(&line)) {
                let (covered, denied) = (pattern.covers(&commands[0]), pattern.denies(&commands[0]));
                prop_assert!(!covered || denied == Some(true));
            }
        }

        #[test]
        fn no_spelling_of_a_path_escapes_a_list_of_what_is_denied(
            slashes in prop::collection::vec("/|//|/\\./|/x/\\.\\./", 3),
        ) {
            let path = format!("{}usr{}bin{}rm", slashes[0], slashes[1], slashes[2]);
            for (pattern, line) in [("rm *", format!("{path} x")), ("cat /usr/bin/rm", format!("cat {path}"))] {
                let pattern = CommandPattern::read(pattern).expect("a pattern");
                let denied = pattern.denies(&parse(&line).expect("a line")[0]);
                prop_assert_eq!(denied, (!path.contains("..")).then_some(true), "{}", line);
            }
        }

        #[test]
        fn a_pattern_without_wildcards_covers_itself_alone(line in "[a-z]{1,6}x( [a-z.:-]{0,2}x){0,4}", more in "[a-z]{1,3}") {
            prop_assert!(covers(&line, &line));
            let by_path = format!("/usr/bin/{line}");
            prop_assert!(covers(&line, &by_path));
            for other in [format!("{line} {more}"), format!("{line}{more}"), format!("/tmp/{line}"), format!("{line}; {more}")] {
                prop_assert!(!covers(&line, &other), "{other}");
            }
        }
    }

    #[test]
    fn a_star_at_the_end_means_any_further_words() {
        assert!(covers("systemctl status *", "systemctl status"));
        assert!(covers("systemctl status *", "systemctl status nginx --no-pager"));
        assert!(!covers("systemctl status *", "systemctl stop nginx"));
        assert!(!covers("systemctl status *", "systemctl"));
        assert!(covers("ls", "ls") && !covers("ls", "ls -l"));
        assert!(covers("ls *", "ls"));
    }

    #[test]
    fn a_wildcard_elsewhere_stays_within_its_word() {
        assert!(covers("systemctl * nginx", "systemctl status nginx"));
        assert!(!covers("systemctl * nginx", "systemctl status x nginx"));
        assert!(!covers("systemctl * nginx", "systemctl nginx"));
        assert!(covers("show *-version ?", "show 'any version'-version 1"));
    }

    #[test]
    fn a_name_means_the_program_of_the_system_only() {
        assert!(covers("ls *", "/bin/ls -l"));
        for line in ["./ls", "/tmp/ls", "/bin/../tmp/ls", "bin/ls", "/usr/local/ls", "/bin/x/ls"] {
            assert!(!covers("ls *", line), "{line}");
            assert!(!covers("* x", &format!("{line} x")), "{line}");
        }
        assert!(covers("/opt/tool/bin/run *", "/opt/tool//bin/run x"));
        assert!(!covers("/opt/*/run", "/opt/a/b/run"));
        assert!(!covers("/bin/ls", "ls"));
    }

    #[test]
    fn what_is_denied_is_denied_by_each_of_its_names() {
        let denies = |pattern: &str, line: &str| {
            CommandPattern::read(pattern).expect("a pattern").denies(&parse(line).expect("a line")[0])
        };
        for (pattern, line) in [
            ("rm *", "/usr/bin//rm -rf /"),
            ("rm *", "/usr/./bin/rm"),
            ("/usr/bin/rm *", "rm x"),
            ("/usr/bin/rm *", "/bin//rm x"),
            ("/opt/*/run *", "/opt//a/run"),
            ("cat /etc/shadow", "cat //etc/./shadow"),
            ("*", "/a/../b"),
        ] {
            assert_eq!(denies(pattern, line), Some(true), "{pattern} {line}");
        }
        for (pattern, line) in [
            ("rm *", "./rm x"),
            ("rm *", "/usr/../bin/rm x"),
            ("/opt/x", "bin/x"),
            ("cat /etc/shadow", "cat /etc/../etc/shadow"),
            ("cat /etc/shadow", "cat shadow"),
            ("cp /a/** /b/**", "cp /a/x ../b"),
        ] {
            assert_eq!(denies(pattern, line), None, "{pattern} {line}");
        }
        for (pattern, line) in [
            ("rm *", "/tmp/rm x"),
            ("rm", "/bin/rm x"),
            ("cat /etc/shadow", "cat -n"),
            ("cat /etc/shadow", "less ../etc/shadow"),
            ("cp /a/** /b/**", "cp ../a /c/x"),
            ("/opt/*/run", "/opt/a/b/run"),
        ] {
            assert_eq!(denies(pattern, line), Some(false), "{pattern} {line}");
        }
    }

    #[test]
    fn a_path_in_an_argument_cannot_climb() {
        assert!(covers("cat /var/log/*", "cat /var/log/syslog"));
        assert!(!covers("cat /var/log/*", "cat /var/log/../../etc/shadow"));
        assert!(!covers("cat /var/log/**", "cat /var/log/../../etc/shadow"));
        assert!(!covers("cat /var/log/*", "cat /var/log/x /etc/shadow"));
    }

    #[test]
    fn tricks_are_not_covered() {
        let tricks = [
            "echo r''m; r''m -rf /",
            "echo \\rm",
            "echo x; rm -rf /",
            "echo x\nrm -rf /",
            "echo x\r rm -rf /",
            "echo $(rm -rf /)",
            "echo `rm -rf /`",
            "echo cm0gLXJmIC8= | base64 -d | sh",
            "echo x & rm -rf /",
            "echo x > /etc/passwd",
            "A=b echo x",
            "./echo x",
            "/bin/../tmp/echo x",
            "rm\u{a0}-rf",
            "echo x\0; rm",
            "echo \"x\" || rm -rf /",
            "exec echo x",
            "command echo x",
            "if echo x; then rm x; fi",
            "",
        ];
        for line in tricks {
            assert!(!covers("echo *", line), "{line:?}");
        }
        assert!(covers("echo *", "ec''ho 'x; rm -rf /' \"a | b\""));
    }

    #[test]
    fn a_line_is_covered_if_each_command_is() {
        let patterns = ["ps *", "grep *"].map(|text| CommandPattern::read(text).expect("a pattern"));
        assert_eq!(covers_line(&patterns, "ps aux | grep x && ps"), Ok(()));
        let error = covers_line(&patterns, "ps aux | tee x").expect_err("tee is not named");
        assert_eq!(error.to_string(), "no rule names the command `tee x`");
    }

    #[test]
    fn a_single_star_covers_what_cannot_be_parsed_too() {
        assert!(covers("*", "for x in $(ls); do rm $x; done"));
        assert!(!covers("* *", "echo $x"));
        assert!(CommandPattern::read("* *").is_ok_and(|pattern| !pattern.is_all()));
    }

    #[test]
    fn a_wrong_pattern_is_refused() {
        for wrong in ["", "  ", "ls\t-l", "ls\u{a0}x", "echo 'x'", "a; b", "./ls", "bin/*", "/../ls", "cat /srv/**/x"] {
            assert!(CommandPattern::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
