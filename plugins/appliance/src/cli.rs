//! One command line: what is typed into it and what it answers.

use crate::prompt::{self, MORE, PASSWORD, Prompt};
use crate::text;
use hostler_sdk::Error;
use hostler_sdk::secrets::Secret;
use hostler_sdk::shell::{Found, Shell, ShellOptions};
use hostler_sdk::ssh::Session;

/// An answer may be this long, or it would not fit into a result.
const LONGEST: usize = 4 << 20;

/// An appliance's command line, at a prompt.
pub(crate) struct Cli {
    shell: Shell,
    prompt: Prompt,
    timeout_ms: u32,
    /// The prompt that it shows.
    at: String,
}

impl Cli {
    /// Opens a shell and waits for its first prompt.
    pub(crate) fn open(session: &Session, prompt: Option<String>, timeout_ms: u32) -> Result<Self, Error> {
        // Long lines would come back wrapped.
        let options = ShellOptions { columns: 500, ..ShellOptions::default() };
        let shell = Shell::open(session, &options)?;
        let mut cli = Self { shell, prompt: Prompt::new(prompt), timeout_ms, at: String::new() };
        cli.read("the login", cli.prompt.any())?;
        cli.prompt.learn(&cli.at);
        Ok(cli)
    }

    /// The prompt that is shown.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// Types a line and gives the answer. The prompt afterwards has the same name.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Vec<u8>, Error> {
        self.type_line(line)?;
        let sent = self.read(line, self.prompt.same())?;
        Ok(text::answer(&sent, line))
    }

    /// Types a line that may change the prompt, and gives the answer.
    pub(crate) fn configure(&mut self, line: &str) -> Result<Vec<u8>, Error> {
        self.type_line(line)?;
        let sent = self.read(line, self.prompt.any())?;
        self.prompt.learn(&self.at);
        Ok(text::answer(&sent, line))
    }

    /// Gets the rights to configure. The password is typed where it is asked for, and nowhere else.
    pub(crate) fn enable(&mut self, password: Option<&Secret>) -> Result<(), Error> {
        if prompt::is_enabled(&self.at) {
            return Ok(());
        }
        self.type_line("enable")?;
        let refused = |message: &str| Err(Error::new("enable-refused", "exec", message));
        if self.is_asked_for_password()? {
            let Some(password) = password else {
                return refused("The appliance asks for the enable password: give `driver_args.enable_password`.");
            };
            self.shell.write_secret(password)?;
            self.type_line("")?;
            if self.is_asked_for_password()? || !prompt::is_enabled(&self.at) {
                return refused(
                    "The appliance does not accept the enable password: check `driver_args.enable_password`.",
                );
            }
        }
        if prompt::is_enabled(&self.at) {
            return Ok(());
        }
        refused("The appliance does not let this account into enable mode: check its rights there.")
    }

    /// Ends the shell.
    pub(crate) fn close(&self) -> Result<(), Error> {
        self.shell.close()
    }

    /// Waits for a question or a prompt.
    fn is_asked_for_password(&mut self) -> Result<bool, Error> {
        let found = self.expect("enable", &[self.prompt.same(), PASSWORD.into()])?;
        let asked = found.pattern == 1;
        if !asked {
            self.at = prompt::shown(&found.matched);
        }
        Ok(asked)
    }

    /// All pages up to the next prompt, as they were sent, without the pager's questions.
    fn read(&mut self, line: &str, prompt: String) -> Result<Vec<u8>, Error> {
        let patterns = [prompt, MORE.into()];
        let mut sent = Vec::new();
        loop {
            let found = self.expect(line, &patterns)?;
            sent.extend(found.before);
            if found.pattern == 0 {
                self.at = prompt::shown(&found.matched);
                return Ok(sent);
            }
            if sent.len() > LONGEST {
                let message = format!("The answer to `{line}` is longer than {LONGEST} bytes: ask for less.");
                return Err(Error::new("limit", "exec", message));
            }
            // The pattern takes the end of the line before with it.
            sent.extend(found.matched.iter().take_while(|byte| byte.is_ascii_control()));
            self.shell.write(b" ")?;
        }
    }

    fn expect(&self, line: &str, patterns: &[String]) -> Result<Found, Error> {
        self.shell.expect(patterns, self.timeout_ms).map_err(|error| match error.kind.as_str() {
            "timeout" | "closed" => Error { message: format!("After `{line}`, {}.", error.message), ..error },
            _ => error,
        })
    }

    fn type_line(&self, line: &str) -> Result<(), Error> {
        self.shell.write(format!("{line}\n").as_bytes())
    }
}
