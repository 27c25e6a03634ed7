//! A template: values, a blank line, and states with their rules.

use super::LONGEST_NAME;
use super::rule::{LineOp, Rule};
use super::value::Value;
use crate::failures;
use hostler_model::Failure;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many rules a template may have.
const MOST_RULES: usize = 500;
/// How long all their expressions may be, with the values in them, in bytes.
const LONGEST_RULES: usize = 512 << 10;
/// How long it may take to compile them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Words that mean something in an action, and so are no names of states.
const RESERVED: [&str; 7] = ["Continue", "Next", "Error", "Clear", "Clearall", "Record", "NoRecord"];

/// A template that was read and compiled.
pub(crate) struct Template {
    pub(super) values: Vec<Value>,
    /// The rules of each state. `End` is none, and `EOF` has no rules.
    pub(super) states: BTreeMap<String, Vec<Rule>>,
}

impl Template {
    /// Reads a template. Errors: `invalid-request`, `limit`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut lines = text.split('\n').map(str::trim_end).enumerate().map(|(index, line)| (index + 1, line));
        let values = values(&mut lines)?;
        let mut template = Self { values, states: BTreeMap::new() };
        template.read_states(&mut lines)?;
        template.check()?;
        Ok(template)
    }

    fn read_states<'a>(&mut self, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        let (mut rules, mut room) = (0, LONGEST_RULES);
        while let Some((line, name)) = lines.find(|(_, text)| !text.is_empty() && !is_comment(text)) {
            let is_word = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
            if !is_word || name.chars().count() > LONGEST_NAME || RESERVED.contains(&name) {
                return Err(wrong(line, format!("`{name}` is no name of a state")));
            }
            if self.states.contains_key(name) {
                return Err(wrong(line, format!("there is a state `{name}` already")));
            }
            let mut state = Vec::new();
            for (line, text) in lines.take_while(|(_, text)| !text.is_empty()) {
                if is_comment(text) {
                    continue;
                }
                if ![" ^", "  ^", "\t^"].iter().any(|start| text.starts_with(start)) {
                    return Err(wrong(line, "a rule begins with one or two spaces and `^`"));
                }
                let rule = Rule::parse(text, line, &self.values, room).map_err(|error| wrong(line, error))?;
                rules += 1;
                room = room.saturating_sub(rule.length);
                if rules > MOST_RULES || room == 0 || Instant::now() > deadline {
                    return Err(failures::limit(
                        "The template has more, or longer, rules than can be used; make it smaller.",
                    ));
                }
                state.push(rule);
            }
            self.states.insert(name.to_owned(), state);
        }
        Ok(())
    }

    /// All states that are gone to must be there, and the last ones are empty.
    fn check(&mut self) -> Result<(), Failure> {
        if !self.states.contains_key("Start") {
            return Err(failures::invalid("The template is wrong: it has no state `Start`."));
        }
        for name in ["End", "EOF"] {
            if let Some(rule) = self.states.get(name).and_then(|rules| rules.first()) {
                return Err(wrong(rule.line, format!("the state `{name}` has no rules")));
            }
        }
        self.states.remove("End");
        for rule in self.states.values().flatten().filter(|rule| rule.line_op != LineOp::Error) {
            let known = |state: &String| self.states.contains_key(state) || ["End", "EOF"].contains(&state.as_str());
            if let Some(state) = rule.new_state.as_ref().filter(|state| !known(state)) {
                return Err(wrong(rule.line, format!("there is no state `{state}`")));
            }
        }
        Ok(())
    }
}

/// The values, up to the blank line after them.
fn values<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<Value>, Failure> {
    let mut values: Vec<Value> = Vec::new();
    for (line, text) in lines.take_while(|(_, text)| !text.is_empty()) {
        if is_comment(text) {
            continue;
        }
        let declaration = text.strip_prefix("Value ").ok_or_else(|| match values.first() {
            None => wrong(line, "no Value definitions found"),
            Some(_) => wrong(line, "expected a blank line after the last Value"),
        })?;
        let value = Value::parse(declaration).map_err(|error| wrong(line, error))?;
        if values.iter().any(|known| known.name == value.name) {
            return Err(wrong(line, format!("there is a value `{}` already", value.name)));
        }
        if values.len() == MOST_RULES {
            return Err(failures::limit(format!("The template has more than {MOST_RULES} values; make it smaller.")));
        }
        values.push(value);
    }
    Ok(values)
}

fn is_comment(text: &str) -> bool {
    text.trim_start().starts_with('#')
}

fn wrong(line: usize, what: impl Into<String>) -> Failure {
    failures::invalid(format!("The template is wrong in line {line}: {}.", what.into()))
}
