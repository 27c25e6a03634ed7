//! An interactive session at a server of the script.

use super::script::{Dialogue, Reply};
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Event, Keys, Process, Shell, ShellRequest};
use tokio::sync::mpsc::{self, Receiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

/// Opens a shell that follows a dialogue.
pub(super) fn open(dialogue: Dialogue, request: &ShellRequest) -> Shell {
    let (events, received) = mpsc::unbounded_channel();
    let (typed, keys) = mpsc::channel(1);
    let deadline = Instant::now() + request.timeout;
    tokio::spawn(Terminal { dialogue, events, line: String::new(), prompt: String::new() }.run(keys, deadline));
    Shell::new(Process::new(received), typed)
}

/// A terminal as Linux has it: it shows what is typed, and ends lines with CR and LF.
struct Terminal {
    dialogue: Dialogue,
    events: UnboundedSender<Event>,
    /// What was typed since the last Enter.
    line: String,
    /// What was shown since the last end of a line.
    prompt: String,
}

impl Terminal {
    async fn run(mut self, mut keys: Receiver<Keys>, deadline: Instant) {
        let first = self.dialogue.shows.clone();
        self.show(&first);
        loop {
            let Keys { text, sent } = tokio::select! {
                typed = keys.recv() => match typed {
                    Some(typed) => typed,
                    None => return,
                },
                () = self.events.closed() => return,
                () = sleep_until(deadline) => {
                    let message = "The shell was closed because its time is up.";
                    return self.tell(Event::Ended(Err(Failure::new(ErrorKind::Timeout, Phase::Exec, message))));
                }
            };
            let ended = self.hear(&String::from_utf8_lossy(&text));
            // Whoever typed may have gone.
            let _told = sent.send(());
            if let Some(status) = ended {
                return self.tell(Event::Ended(Ok(Exit::Status(status))));
            }
        }
    }

    /// Answers what is typed, and tells with what the session ends, if it does.
    fn hear(&mut self, text: &str) -> Option<u32> {
        for character in text.chars() {
            let ended = if matches!(character, '\r' | '\n') {
                let line = std::mem::take(&mut self.line);
                if let Some(reply) = self.dialogue.to_line(&line).cloned() {
                    self.reply(&reply, &format!("{line}\n"))
                } else {
                    self.refuse(&line);
                    None
                }
            } else {
                self.line.push(character);
                let reply = self.dialogue.to_keys(&self.line).cloned();
                reply.and_then(|reply| {
                    let keys = std::mem::take(&mut self.line);
                    self.reply(&reply, &keys)
                })
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    fn reply(&mut self, reply: &Reply, typed: &str) -> Option<u32> {
        if reply.echo {
            self.show(typed);
        } else if typed.ends_with('\n') {
            self.show("\n");
        }
        self.show(&reply.shows);
        reply.status
    }

    /// A line that the script does not know: the prompt comes again.
    fn refuse(&mut self, line: &str) {
        let prompt = self.prompt.clone();
        self.show(&format!("{line}\n"));
        if !line.is_empty() {
            self.show(&format!("{line}: command not found\n"));
        }
        self.show(&prompt);
    }

    fn show(&mut self, text: &str) {
        match text.rsplit_once('\n') {
            Some((_, last)) => last.clone_into(&mut self.prompt),
            None => self.prompt.push_str(text),
        }
        if !text.is_empty() {
            self.tell(Event::Stdout(text.replace('\n', "\r\n").into()));
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more: `run` finds that out by itself.
        let _heard = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal with these replies shows when this is typed, and with what it ends.
    fn shown(script: &str, typed: &[&str]) -> (String, Option<u32>) {
        let dialogue = toml::from_str(script).unwrap_or_else(|error| panic!("{error}"));
        let (events, mut received) = mpsc::unbounded_channel();
        let mut terminal = Terminal { dialogue, events, line: String::new(), prompt: String::new() };
        let first = terminal.dialogue.shows.clone();
        terminal.show(&first);
        let ended = typed.iter().find_map(|text| terminal.hear(text));
        let mut shown = String::new();
        while let Ok(Event::Stdout(bytes)) = received.try_recv() {
            shown += &String::from_utf8_lossy(&bytes);
        }
        (shown, ended)
    }

    #[test]
    fn a_line_is_shown_and_answered_however_it_is_typed() {
        let script = "shows = '> '\n[[reply]]\nmatches = 'show *'\nshows = \"1.2\\n> \"\n";
        let expected = ("> show version\r\n1.2\r\n> ".to_owned(), None);
        assert_eq!(shown(script, &["show version\n"]), expected);
        assert_eq!(shown(script, &["show ", "vers", "ion", "\r"]), expected);
    }

    #[test]
    fn an_unknown_line_is_refused_and_the_prompt_comes_again() {
        let script = "shows = \"welcome\\nswitch> \"\n";
        let (text, _) = shown(script, &["shwo\n\n"]);
        assert_eq!(text, "welcome\r\nswitch> shwo\r\nshwo: command not found\r\nswitch> \r\nswitch> ");
    }

    #[test]
    fn keys_need_no_enter_passwords_are_not_shown_and_a_status_ends_it() {
        let script = "shows = '--More--'\n[[reply]]\nkeys = ' '\necho = false\nshows = \"end\\nPassword: \"\n\
                      [[reply]]\nmatches = 'hunter2'\necho = false\nshows = '# '\n\
                      [[reply]]\nmatches = 'exit'\nstatus = 3\n";
        let (text, ended) = shown(script, &[" ", "hunter2\n", "exit\n", "never heard\n"]);
        assert_eq!((text.as_str(), ended), ("--More--end\r\nPassword: \r\n# exit\r\n", Some(3)));
    }
}
