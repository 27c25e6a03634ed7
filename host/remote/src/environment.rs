//! Variables for a command: what is sent where a server refuses `env` requests.

use crate::Exec;
use hostler_model::{ErrorKind, Failure, Phase};

/// Linux takes no longer argument, and sshd hands the whole line to the shell as one (execve(2)).
const MAX_LINE: usize = 128 * 1024 - 1;

impl Exec {
    /// The longest form that may be sent to the server: with every variable in a wrapper around the
    /// command. Without variables it is the command as it is.
    pub fn wire(&self) -> String {
        let all: Vec<_> = self.environment.iter().collect();
        wrapped(&self.command, &all)
    }

    /// Refuses what cannot be sent as it is meant. Errors: `invalid-request`.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let invalid = |message: String| Err(Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message));
        if self.command.contains('\0') {
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
        if self.wire().len() > MAX_LINE {
            return invalid(format!(
                "The command with its environment is longer than {MAX_LINE} bytes, which no Linux server takes: \
                 put it into a file and run that."
            ));
        }
        Ok(())
    }
}

/// `command` with variables set around it. The login shell stays the user's own. The line is valid
/// in POSIX shells, csh and fish.
pub(crate) fn wrapped(command: &str, variables: &[&(String, String)]) -> String {
    if variables.is_empty() {
        return command.to_owned();
    }
    let mut line = "exec env".to_owned();
    for (name, value) in variables {
        line += &[" ", name, "=", &quoted(value)].concat();
    }
    line + r#" "$SHELL" -c "# + &quoted(command)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;
    use std::time::Duration;

    fn exec(command: &str, environment: &[(&str, &str)]) -> Exec {
        let environment = environment.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        Exec { command: command.into(), environment, timeout: Duration::from_secs(1), ..Exec::default() }
    }

    #[test]
    fn without_variables_the_command_goes_out_as_it_is() {
        assert_eq!(exec("echo 'a' && b", &[]).wire(), "echo 'a' && b");
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
        ] {
            assert_eq!(bad.check().expect_err("refused").kind, ErrorKind::InvalidRequest);
        }
        exec("echo", &[("_A1", "anything; $(really)\n")]).check().expect("accepted");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn values_and_arguments_arrive_byte_for_byte(value in "[^\0]{0,40}", argument in "[^\0]{0,40}") {
            let command = format!(r#"printf '%s\0%s' "$HOSTLER_TEST" {}"#, quoted(&argument));
            let line = exec(&command, &[("HOSTLER_TEST", &value)]).wire();
            let output = Command::new("sh").args(["-c", &line]).env("SHELL", "/bin/sh").output().expect("sh runs");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{value}\0{argument}"));
        }
    }
}
