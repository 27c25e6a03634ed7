//! The line that goes to the server (RFC 4254 section 6.5): the command as it is, or with the wrappers
//! around it that only we make. It is valid in POSIX shells, csh and fish.

use crate::Exec;
use hostler_model::{ErrorKind, Failure, Phase};
use uuid::Uuid;

/// Linux takes no longer argument, and sshd hands the whole line to the shell as one (execve(2)).
const MAX_LINE: usize = 128 * 1024 - 1;

/// Tells the process group, which is the third word after the name in stat (proc(5)).
const TELL_GROUP: &str = "read -r s </proc/$$/stat; s=${s##*) }; s=${s#* }; s=${s#* }; echo ";

/// Words that a wrapper says to us. They are random, so that no output is taken for them.
pub(crate) struct Marks {
    /// What sudo asks for the password with.
    pub(crate) prompt: String,
    /// What precedes the number of the process group.
    pub(crate) group: String,
}

impl Marks {
    pub(crate) fn random() -> Self {
        Self::of(&Uuid::now_v7().simple().to_string())
    }

    fn of(word: &str) -> Self {
        Self { prompt: format!("hostler-asks-{word}:"), group: format!("hostler-runs-{word}:") }
    }
}

impl Exec {
    /// The longest form that may be sent to a server where `user` logs in: with every variable in a wrapper
    /// around the command. Random words of it differ from those that are sent.
    pub fn wire(&self, user: &str) -> String {
        let all: Vec<_> = self.environment.iter().collect();
        self.line(&all, self.tells_group(user).then(|| Marks::of("random")).as_ref())
    }

    /// Whether the command cannot be stopped by a signal of the SSH protocol, and so has to say which process
    /// group it is: sshd sends signals with the rights of the user, and none at all for root.
    pub(crate) fn tells_group(&self, user: &str) -> bool {
        self.elevation.is_some() || user == "root"
    }

    /// The command with `variables` set around it, in its working directory, with elevated rights.
    pub(crate) fn line(&self, variables: &[&(String, String)], marks: Option<&Marks>) -> String {
        if variables.is_empty() && marks.is_none() && self.working_directory.is_none() {
            return self.command.clone();
        }
        let mut words = vec!["exec".to_owned()];
        if let (Some(elevation), Some(marks)) = (&self.elevation, marks) {
            words.push(match &elevation.password {
                Some(_) => format!("sudo -S -p {} -u {} --", quoted(&marks.prompt), quoted(&elevation.user)),
                None => format!("sudo -n -u {} --", quoted(&elevation.user)),
            });
        }
        if marks.is_some() || self.working_directory.is_some() {
            let tell = marks.map_or(String::new(), |marks| [TELL_GROUP, &marks.group, "${s%% *} >&2; "].concat());
            let enter = if self.working_directory.is_some() { r#"cd -- "$1" && shift && "# } else { "" };
            words.push(format!("/bin/sh -c {} sh", quoted(&[&tell, enter, r#"exec "$@""#].concat())));
        }
        words.extend(self.working_directory.as_deref().map(|directory| quoted(from_home(directory))));
        if !variables.is_empty() {
            words.push("env".into());
        }
        words.extend(variables.iter().map(|(name, value)| format!("{name}={}", quoted(value))));
        words.push(format!(r#""$SHELL" -c {}"#, quoted(&self.command)));
        words.join(" ")
    }

    /// Refuses what cannot be sent as it is meant. Errors: `invalid-request`.
    pub fn check(&self, user: &str) -> Result<(), Failure> {
        let invalid = |message: String| Err(Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message));
        let others = [self.working_directory.as_ref(), self.elevation.as_ref().map(|elevation| &elevation.user)];
        if others.into_iter().flatten().chain([&self.command]).any(|text| text.contains('\0')) {
            return invalid("The command contains a NUL character: remove it.".into());
        }
        for (name, value) in &self.environment {
            if !is_name(name) {
                return invalid(format!(
                    "`{}` is no name for an environment variable: use letters, digits and `_`, not starting with a digit.",
                    name.escape_default()
                ));
            }
            if value.contains('\0') {
                return invalid(format!("The environment variable `{name}` contains a NUL character: remove it."));
            }
        }
        if self.wire(user).len() > MAX_LINE {
            return invalid(format!(
                "The command with its environment is longer than {MAX_LINE} bytes, which no Linux server takes: \
                 put it into a file and run that."
            ));
        }
        Ok(())
    }
}

pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command starts at home, where `~` leads; behind quotes the shell does not see it.
pub(crate) fn from_home(directory: &str) -> &str {
    match directory.strip_prefix('~') {
        Some("") => ".",
        Some(below) => below.strip_prefix('/').filter(|below| !below.is_empty()).unwrap_or(directory),
        None => directory,
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elevation;
    use proptest::prelude::*;
    use std::process::Command;

    fn exec(command: &str, environment: &[(&str, &str)]) -> Exec {
        let environment = environment.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        Exec { command: command.into(), environment, ..Exec::default() }
    }

    fn sh(line: &str) -> String {
        let output = Command::new("sh").args(["-c", line]).env("SHELL", "/bin/sh").output().expect("sh runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn without_anything_around_it_the_command_goes_out_as_it_is() {
        assert_eq!(exec("echo 'a' && b", &[]).wire("admin"), "echo 'a' && b");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for bad in [
            exec("echo \0", &[]),
            exec("echo", &[("A B", "")]),
            exec("echo", &[("", "")]),
            exec("echo", &[("1A", "")]),
            exec("echo", &[("A=B;x", "")]),
            exec("echo", &[("A", "x\0")]),
            exec(&"x".repeat(MAX_LINE + 1), &[]),
            Exec { working_directory: Some("\0".into()), ..exec("echo", &[]) },
        ] {
            assert_eq!(bad.check("admin").expect_err("refused").kind, ErrorKind::InvalidRequest);
        }
        exec("echo", &[("_A1", "anything; $(really)\n")]).check("admin").expect("accepted");
    }

    #[test]
    fn a_working_directory_is_entered_whatever_its_name() {
        let folder = tempfile::tempdir().expect("folder");
        let inside = folder.path().join("it's $HOME; \"really\"");
        std::fs::create_dir(&inside).expect("folder");
        let path = inside.to_str().expect("UTF-8").to_owned();
        let asked = Exec { working_directory: Some(path.clone()), ..exec("pwd; echo $V", &[("V", "w")]) };
        assert_eq!(sh(&asked.wire("admin")), format!("{path}\nw\n"));
        let missing = Exec { working_directory: Some("/nowhere".into()), ..exec("echo ran", &[]) };
        assert_eq!(sh(&missing.wire("admin")), "");
        assert_eq!([from_home("~"), from_home("~/a"), from_home("~b"), from_home("/~")], [".", "a", "~b", "/~"]);
    }

    #[test]
    fn root_tells_its_process_group() {
        let line = exec("echo out", &[]).wire("root");
        let shell = Command::new("setsid").args(["-w", "sh", "-c", &line]).env("SHELL", "/bin/sh").output();
        let output = shell.expect("setsid runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "out\n");
        let said = String::from_utf8_lossy(&output.stderr);
        let group = said.trim().strip_prefix("hostler-runs-random:").expect("the group");
        assert!(group.parse::<u32>().is_ok_and(|group| group > 1), "{said}");
    }

    #[test]
    fn sudo_gets_the_whole_line_and_asks_only_if_there_is_an_answer() {
        let elevated = |password| {
            let elevation = Some(Elevation { user: "root".into(), password });
            Exec { elevation, ..exec("id && id", &[("V", "w")]) }.wire("admin")
        };
        let password = hostler_model::Secret::new("p".into());
        assert!(elevated(None).starts_with("exec sudo -n -u 'root' -- /bin/sh -c "));
        assert!(elevated(Some(password)).starts_with("exec sudo -S -p 'hostler-asks-random:' -u 'root' -- "));
        assert!(elevated(None).ends_with(r#" sh env V='w' "$SHELL" -c 'id && id'"#));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn values_and_arguments_arrive_byte_for_byte(value in "[^\0]{0,40}", argument in "[^\0]{0,40}") {
            let command = format!(r#"printf '%s\0%s' "$HOSTLER_TEST" {}"#, quoted(&argument));
            let line = exec(&command, &[("HOSTLER_TEST", &value)]).wire("admin");
            prop_assert_eq!(sh(&line), format!("{value}\0{argument}"));
        }
    }
}
