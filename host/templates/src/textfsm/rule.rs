//! The rules of a state.

use super::pattern;
use super::value::Value;
use fancy_regex::Regex;
use std::sync::LazyLock;

/// What becomes of the line when a rule matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineOp {
    /// The next line is looked at.
    Next,
    /// The next rule is tried on the same line.
    Continue,
    /// The text is wrong.
    Error,
}

/// What becomes of the record when a rule matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RecordOp {
    /// It is kept, if it is complete.
    Record,
    /// It is forgotten, but for what stays.
    Clear,
    /// It is forgotten.
    ClearAll,
    /// It goes on.
    NoRecord,
}

/// What is done with a line that matches.
pub(super) struct Rule {
    pub(super) regex: Regex,
    /// The groups that are values: the number of the group, and that of the value.
    pub(super) groups: Vec<(usize, usize)>,
    pub(super) line_op: LineOp,
    pub(super) record_op: RecordOp,
    /// The state that follows; for an error, what is said.
    pub(super) new_state: Option<String>,
    /// Where it stands in the template, from 1.
    pub(super) line: usize,
    /// How long its expression is, in bytes.
    pub(super) length: usize,
}

/// The last arrow begins the action.
static ARROW: LazyLock<Regex> = LazyLock::new(|| regex(r"\A(.*)\s->(.*)"));
static ACTIONS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    const LINE: &str = "(?P<line>Continue|Next|Error)";
    const RECORD: &str = "(?P<record>Clear|Clearall|Record|NoRecord)";
    const STATE: &str = r#"(?P<state>\w+|".*")"#;
    [
        regex(&format!(r"\A\s+{LINE}(\.{RECORD})?(\s+{STATE})?\z")),
        regex(&format!(r"\A\s+{RECORD}(\s+{STATE})?\z")),
        regex(&format!(r"\A(\s+{STATE})?\z")),
    ]
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expression is right")
}

impl Rule {
    /// Reads a rule: an expression, perhaps an arrow and an action. What is wrong with it is the error.
    pub(super) fn parse(text: &str, line: usize, values: &[Value], longest: usize) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |_| "the rule is too long".to_owned();
        let arrow = ARROW.captures(text).map_err(wrong)?;
        let parts = arrow.as_ref().and_then(|arrow| Some((arrow.get(1)?.as_str(), arrow.get(2)?.as_str())));
        let (expression, action) = parts.unwrap_or((text, ""));
        let expression = substituted(expression, values, longest)?;
        let regex = pattern::compile(&expression).map_err(|error| format!("`{expression}`: {error}"))?;
        let mut names: Vec<&str> = regex.capture_names().flatten().collect();
        names.sort_unstable();
        if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(name, next)| name == next) {
            return Err(format!("the group `{name}` is there twice"));
        }
        let value = |name: &str| values.iter().position(|value| value.name == name);
        let groups = regex.capture_names().enumerate();
        let groups = groups.filter_map(|(group, name)| Some((group, value(name?)?))).collect();
        let length = expression.len();

        for pattern in &*ACTIONS {
            let Some(action) = pattern.captures(action).map_err(wrong)? else { continue };
            let word = |name| action.name(name).map(|word| word.as_str());
            let line_op = match word("line") {
                Some("Continue") => LineOp::Continue,
                Some("Error") => LineOp::Error,
                _ => LineOp::Next,
            };
            let record_op = match word("record") {
                Some("Record") => RecordOp::Record,
                Some("Clear") => RecordOp::Clear,
                Some("Clearall") => RecordOp::ClearAll,
                _ => RecordOp::NoRecord,
            };
            let new_state = word("state").map(str::to_owned);
            match &new_state {
                Some(state) if line_op == LineOp::Continue => {
                    return Err(format!("`Continue` stays in its state, and cannot go to `{state}`"));
                }
                Some(state) if line_op != LineOp::Error && state.starts_with('"') => {
                    return Err(format!("{state} is no name of a state"));
                }
                _ => {}
            }
            return Ok(Self { regex, groups, line_op, record_op, new_state, line, length });
        }
        Err(format!("`{}` is no action", action.trim()))
    }
}

/// The expression with `${Name}` and `$Name` replaced by the groups of the values, and `$$` by a dollar, as Python's
/// `string.Template` does it; a template without values has nothing replaced.
fn substituted(text: &str, values: &[Value], longest: usize) -> Result<String, String> {
    if values.is_empty() {
        return Ok(text.to_owned());
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            after
        } else {
            let (name, after) =
                placeholder(after).ok_or("a single `$` is no value; write `$$` for the end of a line")?;
            let value = values.iter().find(|value| value.name == name);
            out.push_str(&value.ok_or_else(|| format!("there is no value `{name}`"))?.group);
            after
        };
        if out.len() > longest {
            return Err("its expression is too long".into());
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name after a dollar, with or without braces, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (text, has_brace) = text.strip_prefix('{').map_or((text, false), |text| (text, true));
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = if has_brace { rest.strip_prefix('}')? } else { rest };
    name.starts_with(|letter: char| !letter.is_ascii_digit()).then_some((name, rest))
}
