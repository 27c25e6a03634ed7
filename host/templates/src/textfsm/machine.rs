//! Walks through a text by the rules of a template.

use super::rule::{LineOp, RecordOp, Rule};
use super::template::Template;
use super::value::{Cell, is_filled, size};
use crate::failures;
use hostler_model::Failure;
use serde_json::{Map, Value as Json};
use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a line may be, in bytes: a deadline is looked at between two tries only.
const LONGEST_LINE: usize = 64 << 10;
/// How much may come of a text, in bytes of memory.
const MOST: usize = 16 << 20;

/// What ends lines in Python.
const LINE_ENDS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

impl Template {
    /// The records of a text, each an object with all values. Errors: `invalid-request` where a rule says so; `limit`.
    pub(crate) fn run(&self, text: &str) -> Result<Vec<Json>, Failure> {
        let mut machine = Machine {
            template: self,
            cells: self.values.iter().map(|_| Cell::default()).collect(),
            records: Vec::new(),
            room: MOST,
            deadline: Instant::now() + PATIENCE,
        };
        let mut state = "Start";
        for (index, line) in lines(text).enumerate() {
            if let Some(next) = machine.take(self.rules(state), index + 1, line)? {
                state = next;
            }
            if ["End", "EOF"].contains(&state) {
                break;
            }
        }
        if state != "End" && !self.states.contains_key("EOF") {
            machine.record()?;
        }
        let names = || self.values.iter().map(|value| value.name.clone());
        let object = |record| Json::Object(names().zip::<Vec<Json>>(record).collect::<Map<_, _>>());
        Ok(machine.records.into_iter().map(object).collect())
    }

    fn rules(&self, state: &str) -> &[Rule] {
        self.states.get(state).map(Vec::as_slice).unwrap_or_default()
    }
}

struct Machine<'a> {
    template: &'a Template,
    /// One for each value.
    cells: Vec<Cell>,
    /// A cell for each value.
    records: Vec<Vec<Json>>,
    /// How much may still come of the text.
    room: usize,
    deadline: Instant,
}

impl<'a> Machine<'a> {
    /// Tries the rules on a line. Answers the state that follows, if it is another.
    fn take(&mut self, rules: &'a [Rule], number: usize, line: &str) -> Result<Option<&'a str>, Failure> {
        if line.len() > LONGEST_LINE {
            return Err(failures::limit(format!(
                "Line {number} is longer than {LONGEST_LINE} bytes; it is not parsed."
            )));
        }
        let gave_up = |rule: &Rule| {
            let message = format!("The rule in line {} of the template takes too long; make it simpler.", rule.line);
            failures::limit(message)
        };
        for rule in rules {
            if Instant::now() > self.deadline {
                return Err(gave_up(rule));
            }
            let Some(captures) = rule.regex.captures(line).map_err(|_| gave_up(rule))? else { continue };
            for &(group, value) in &rule.groups {
                let matched = captures.get(group).map(|group| group.as_str());
                self.assign(value, matched)?.map_err(|_| gave_up(rule))?;
            }
            match rule.record_op {
                RecordOp::Record => self.record()?,
                RecordOp::Clear => self.clear(),
                RecordOp::ClearAll => self.cells.iter_mut().for_each(|cell| *cell = Cell::default()),
                RecordOp::NoRecord => {}
            }
            match rule.line_op {
                LineOp::Continue => {}
                LineOp::Next => return Ok(rule.new_state.as_deref()),
                LineOp::Error => {
                    let said = rule.new_state.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
                    let message =
                        format!("The template refuses line {number} by its rule in line {}{said}.", rule.line);
                    return Err(failures::invalid(message));
                }
            }
        }
        Ok(None)
    }

    /// Gives a value what was matched, and fills the records before it where it says so.
    fn assign(&mut self, value: usize, matched: Option<&str>) -> Result<Result<(), fancy_regex::Error>, Failure> {
        self.spend(matched.map_or(0, str::len) + size_of::<Json>())?;
        let cell = &mut self.cells[value];
        let fills = match cell.assign(&self.template.values[value], matched) {
            Ok(fills) => fills,
            Err(error) => return Ok(Err(error)),
        };
        if fills {
            let (now, mut filled) = (cell.now.clone(), 0);
            for record in self.records.iter_mut().rev().take_while(|record| !is_filled(&record[value])) {
                filled += size(&now);
                if filled > self.room {
                    break;
                }
                record[value] = now.clone();
            }
            self.spend(filled)?;
        }
        Ok(Ok(()))
    }

    /// Keeps the record, if nothing that it requires is missing and something is in it.
    fn record(&mut self) -> Result<(), Failure> {
        let template = self.template;
        let both = || template.values.iter().zip(&self.cells);
        self.spend(both().map(|(value, cell)| cell.size(value)).sum())?;
        let complete = template.values.iter().zip(&mut self.cells).all(|(value, cell)| cell.save(value));
        if complete {
            let is_empty = |cell: &Cell| cell.now.is_null() || cell.now.as_array().is_some_and(Vec::is_empty);
            if self.cells.iter().all(is_empty) {
                return Ok(());
            }
            let text = |cell: &Cell| if cell.now.is_null() { "".into() } else { cell.now.clone() };
            self.records.push(self.cells.iter().map(text).collect());
        }
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        self.template.values.iter().zip(&mut self.cells).for_each(|(value, cell)| cell.clear(value));
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            failures::limit(format!("The template makes more than {MOST} bytes of the text; have it keep less."))
        })?;
        Ok(())
    }
}

/// The lines of a text, without what ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive("\r\n").flat_map(|part| match part.strip_suffix("\r\n") {
        Some(whole) => whole.split(LINE_ENDS).chain(None),
        None => part.strip_suffix(LINE_ENDS).unwrap_or(part).split(LINE_ENDS).chain(None),
    })
}
