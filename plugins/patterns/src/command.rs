//! What a line for a shell would run, as far as it can be judged from outside.

use crate::path::normal;
use std::borrow::Cow;
use std::fmt;
use std::mem::take;

/// Where the programs are that a bare name is taken for.
pub(crate) const SYSTEM_FOLDERS: [&str; 6] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Words that are no program where one is expected, in sh, bash, zsh or fish.
const RESERVED: [&str; 26] = [
    "and", "always", "begin", "case", "coproc", "do", "done", "elif", "else", "end", "esac", "fi", "for", "foreach",
    "function", "if", "in", "not", "or", "repeat", "select", "switch", "then", "time", "until", "while",
];

/// Words of a line that are read: a policy that judges it has little memory and time.
const MAX_WORDS: usize = 10_000;

/// One program with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Never empty. The first one is the program.
    words: Vec<String>,
}

impl Command {
    /// The program, then its arguments, without the quotes. Never empty.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The program as it was written: a name or a path.
    pub fn program(&self) -> &str {
        &self.words[0]
    }

    /// The program's name, if it is one of the system: a bare name, or the path of a file in one of the folders
    /// `bin` and `sbin` of `/`, `/usr` and `/usr/local`, however it is spelled.
    pub fn system_program(&self) -> Option<Cow<'_, str>> {
        let program = self.program();
        if !program.contains('/') {
            return Some(program.into());
        }
        let path = normal(program)?;
        let (folder, name) = path.rsplit_once('/')?;
        SYSTEM_FOLDERS.contains(&folder).then(|| name.to_owned().into())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words.join(" "))
    }
}

/// Why nobody can say what a line would run.
#[derive(Clone, Debug, PartialEq)]
pub struct Unjudgeable {
    /// The character or word.
    pub what: String,
    /// Where it is: bytes from the line's start.
    pub at: usize,
    why: &'static str,
}

impl fmt::Display for Unjudgeable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}: {}", self.what, self.at, self.why)
    }
}

/// All the commands that a line would run.
///
/// Understood is the part of POSIX sh (2.3, 2.9) that means the same to every usual shell and on every server:
/// words of ASCII letters, digits and `_-./:,+@%=`; single quotes; double quotes without `$`, backtick, `\`, `!`;
/// between commands `;`, `&&`, `||`, `|` and the newline. Everything else may run something that the line does
/// not show, and is an error.
pub fn parse(line: &str) -> Result<Vec<Command>, Unjudgeable> {
    let mut commands = Vec::new();
    let mut begun = Begun::default();
    // Whether a command must follow.
    let mut is_open = true;
    let mut at = 0;
    while let Some(found) = line[at..].chars().next() {
        let mut end = at + found.len_utf8();
        match found {
            ' ' | '\t' => begun.end_word(),
            ';' | '\n' | '|' | '&' => {
                if matches!(found, '|' | '&') && line[end..].starts_with(found) {
                    end += 1;
                } else if found == '&' {
                    return Err(unjudgeable(found, at, "what runs in the background outlives the command"));
                }
                commands.push(begun.end(at)?);
                is_open = matches!(found, '|' | '&');
            }
            '\'' | '"' => {
                let Some((text, _)) = line[end..].split_once(found) else {
                    return Err(unjudgeable(found, at, "this quote is never closed"));
                };
                check_quoted(text, found, end)?;
                begun.word(at)?.push_str(text);
                end += text.len() + 1;
            }
            '=' if begun.words.is_empty() || begun.word.is_none() => {
                return Err(unjudgeable(found, at, "a variable that is set for a command can change what it runs"));
            }
            _ if found.is_ascii_alphanumeric() || "_-./:,+@%=".contains(found) => begun.word(at)?.push(found),
            _ => return Err(unjudgeable(found, at, meaning(found))),
        }
        at = end;
    }
    begun.end_word();
    if is_open || !begun.words.is_empty() {
        commands.push(begun.end(at)?);
    }
    Ok(commands)
}

/// The command that is being read.
#[derive(Default)]
struct Begun {
    words: Vec<String>,
    /// The last word, as long as it may go on.
    word: Option<String>,
    /// Where the first word is.
    start: usize,
    /// Words of the line so far.
    count: usize,
}

impl Begun {
    /// The word that goes on, or begins, at this byte.
    fn word(&mut self, at: usize) -> Result<&mut String, Unjudgeable> {
        if self.word.is_none() {
            self.count += 1;
            if self.words.is_empty() {
                self.start = at;
            }
        }
        if self.count > MAX_WORDS {
            let what = format!("word {}", self.count);
            return Err(Unjudgeable { what, at, why: "nobody judges a line as long as that: divide it" });
        }
        Ok(self.word.get_or_insert_default())
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    /// Ends the command at this byte.
    fn end(&mut self, at: usize) -> Result<Command, Unjudgeable> {
        self.end_word();
        let words = take(&mut self.words);
        let Some(program) = words.first() else {
            return Err(Unjudgeable { what: "no command".into(), at, why: "one is expected here" });
        };
        if RESERVED.contains(&program.as_str()) {
            let what = format!("`{program}`");
            return Err(Unjudgeable { what, at: self.start, why: "only simple commands can be judged" });
        }
        Ok(Command { words })
    }
}

/// Whether every shell takes a quoted text letter by letter. `start` is its place in the line.
fn check_quoted(text: &str, quote: char, start: usize) -> Result<(), Unjudgeable> {
    let is_special = |c: char| c.is_control() && c != '\t' || quote == '"' && "$`\\!".contains(c);
    if let Some((at, found)) = text.char_indices().find(|&(_, c)| is_special(c)) {
        return Err(unjudgeable(found, start + at, meaning(found)));
    }
    if text.ends_with('\\') {
        return Err(unjudgeable('\\', start + text.len() - 1, "not every shell ends the quotes after it"));
    }
    Ok(())
}

/// What an unsafe character may do.
fn meaning(found: char) -> &'static str {
    match found {
        '$' | '`' | '!' => "the server's shell may put something else in its place",
        '<' | '>' => "it redirects input or output",
        '(' | ')' | '{' | '}' => "it makes several commands or words of one",
        '*' | '?' | '[' | ']' | '~' | '^' => "the server's shell may put names of files in its place: quote it",
        '#' => "it may begin a comment",
        '\\' => "what it does to the next character depends on the shell: use single quotes",
        _ if found.is_control() => "a control character cannot be judged, not even in quotes",
        _ => "outside quotes it does not mean the same to every shell: quote it",
    }
}

fn unjudgeable(found: char, at: usize, why: &'static str) -> Unjudgeable {
    Unjudgeable { what: format!("{found:?}"), at, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        parse(line).expect("a line that can be judged").into_iter().map(|command| command.words).collect()
    }

    /// Where and what it is that cannot be judged.
    fn obstacle(line: &str) -> (usize, String) {
        let found = parse(line).expect_err(line);
        (found.at, found.what)
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(line in ".{0,60}") {
            let _ = parse(&line).map_err(|error| error.to_string());
        }

        #[test]
        fn quoted_words_are_read_as_they_are(program in "[a-z/.]{1,9}x", list in prop::collection::vec("\\PC{0,12}", 0..6)) {
            let list: Vec<String> = [program].into_iter().chain(list).map(|word| word.replace(['\'', '\\'], "")).collect();
            let line: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(words(&line.join(" ")), [list]);
        }

        #[test]
        fn what_is_judged_has_nothing_special_outside_quotes(line in "[ab '\";|&\n$`()<>*?~#!{}=\\\\]{0,20}") {
            if parse(&line).is_ok() {
                let mut quote = None;
                for found in line.chars() {
                    match quote {
                        None if found == '\'' || found == '"' => quote = Some(found),
                        None => prop_assert!(!"$`()<>*?~#!{}\\".contains(found), "{line}"),
                        Some(open) if found == open => quote = None,
                        Some(open) => prop_assert!(open == '\'' || !"$`\\!".contains(found), "{line}"),
                    }
                }
                prop_assert_eq!(quote, None);
            }
        }
    }

    #[test]
    fn each_command_of_a_line_is_found() {
        assert_eq!(words("ls"), [["ls"]]);
        assert_eq!(words(" ls\t-l  'a b'\"c d\"e;"), [["ls", "-l", "a bc de"]]);
        assert_eq!(words("a&&b||c|d;e\nf\n"), [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]);
        assert_eq!(words("r''m -rf"), [["rm", "-rf"]]);
        assert_eq!(words("echo '' ';' \"&&\" '$(id)'"), [["echo", "", ";", "&&", "$(id)"]]);
        assert_eq!(words("dd if=/dev/zero bs=1"), [["dd", "if=/dev/zero", "bs=1"]]);
        assert_eq!(words("/bin/../bin/rm"), [["/bin/../bin/rm"]], "what path it is, is another question");
    }

    #[test]
    fn what_a_shell_would_change_is_found_where_it_is() {
        let cases = [
            ("", 0, "no command"),
            (" \t", 2, "no command"),
            ("\\rm x", 0, "'\\\\'"),
            ("echo $(rm x)", 5, "'$'"),
            ("echo \"$(rm x)\"", 6, "'$'"),
            ("echo \"a`rm x`\"", 7, "'`'"),
            ("echo `rm x`", 5, "'`'"),
            ("echo \"\\x\"", 6, "'\\\\'"),
            ("echo \"!!\"", 6, "'!'"),
            ("ls > /etc/passwd", 3, "'>'"),
            ("sh <x", 3, "'<'"),
            ("ls &", 3, "'&'"),
            ("ls |& sh", 4, "'&'"),
            ("ls &&& sh", 5, "'&'"),
            ("(ls)", 0, "'('"),
            ("{ ls; }", 0, "'{'"),
            ("rm{,} x", 2, "'{'"),
            ("/bin/r?", 6, "'?'"),
            ("ls *", 3, "'*'"),
            ("ls [a]", 3, "'['"),
            ("~/x", 0, "'~'"),
            ("ls # x", 3, "'#'"),
            ("rm\u{a0}-rf", 2, "'\\u{a0}'"),
            ("rm\u{2003}x", 2, "'\\u{2003}'"),
            ("ls\rrm x", 2, "'\\r'"),
            ("ls\0", 2, "'\\0'"),
            ("ls 'a\u{1b}'", 5, "'\\u{1b}'"),
            ("echo 'a\nrm x'", 7, "'\\n'"),
            ("echo 'a\\' '; rm x'", 7, "'\\\\'"),
            ("echo 'a", 5, "'\\''"),
            ("echo \"a", 5, "'\"'"),
            ("; ls", 0, "no command"),
            ("a;;b", 2, "no command"),
            ("a\n\nb", 2, "no command"),
            ("a; && b", 3, "no command"),
            ("a |", 3, "no command"),
            ("a &&", 4, "no command"),
            ("A=b ls", 1, "'='"),
            ("ls; PATH=/tmp ls", 8, "'='"),
            ("ls =rm", 3, "'='"),
            ("if true; then rm x; fi", 0, "`if`"),
            ("ls && time rm", 6, "`time`"),
            ("! rm", 0, "'!'"),
            ("ls; case x in", 4, "`case`"),
        ];
        for (line, at, what) in cases {
            assert_eq!(obstacle(line), (at, what.to_owned()), "{line:?}");
        }
    }

    #[test]
    fn a_line_of_more_words_than_anybody_writes_is_not_read() {
        for separator in [" ", ";", "&&"] {
            let line = |words: usize| vec!["a"; words].join(separator);
            assert!(parse(&line(MAX_WORDS)).is_ok(), "{separator}");
            let (at, what) = obstacle(&line(2_000_000));
            assert_eq!((at, what.as_str()), (MAX_WORDS * (1 + separator.len()), "word 10001"), "{separator}");
        }
    }

    #[test]
    fn the_reason_is_a_sentence_with_the_place() {
        let error = parse("echo $HOME").expect_err("a variable");
        assert_eq!(error.to_string(), "'$' at byte 5: the server's shell may put something else in its place");
    }

    #[test]
    fn a_program_of_the_system_is_a_name_or_in_its_folders() {
        let name = |line: &str| parse(line).expect("judged")[0].system_program().map(Cow::into_owned);
        for line in ["rm", "/bin/rm", "/usr/local/sbin/rm", "'/usr/bin/rm'", "/bin//rm", "//usr/./bin/rm"] {
            assert_eq!(name(line).as_deref(), Some("rm"), "{line}");
        }
        for line in ["./rm", "/tmp/rm", "/bin/../tmp/rm", "bin/rm", "/rm"] {
            assert_eq!(name(line), None, "{line}");
        }
    }
}
