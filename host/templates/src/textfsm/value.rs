//! The values of a template, and what they hold while it walks through a text.

use super::{LONGEST_NAME, pattern};
use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

/// What is said of a value besides its expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trait {
    /// A record without it is not kept.
    Required,
    /// It stays from record to record.
    Filldown,
    /// It fills the records before it that have none.
    Fillup,
    /// It names the record. Only other tools look at it.
    Key,
    /// It collects what matches.
    List,
}

impl Trait {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Required" => Self::Required,
            "Filldown" => Self::Filldown,
            "Fillup" => Self::Fillup,
            "Key" => Self::Key,
            "List" => Self::List,
            _ => return None,
        })
    }
}

/// A value as the template declares it.
pub(super) struct Value {
    pub(super) name: String,
    /// In the order of the template: it decides what is done first.
    pub(super) traits: Vec<Trait>,
    /// Its expression, as a group with its name.
    pub(super) group: String,
    /// What takes an entry of a list apart, where its expression has groups of its own.
    pub(super) nested: Option<Regex>,
}

impl Value {
    /// Reads what follows `Value `. What is wrong with it is the error.
    pub(super) fn parse(declaration: &str) -> Result<Self, String> {
        let (first, rest) = declaration.split_once(' ').ok_or("expect at least 3 words")?;
        let (options, name, expression) = if rest.starts_with('(') {
            ("", first, rest)
        } else {
            let (name, expression) = rest.split_once(' ').ok_or("expect a name and an expression after the options")?;
            (first, name, expression)
        };
        let mut traits = Vec::new();
        for option in options.split(',').filter(|_| !options.is_empty()) {
            let known = Trait::named(option).ok_or_else(|| format!("unknown option `{option}`"))?;
            if traits.contains(&known) {
                return Err(format!("duplicate option `{option}`"));
            }
            traits.push(known);
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(format!("the name `{name}` is too long"));
        }
        let inner = expression.strip_prefix('(').filter(|rest| rest.ends_with(')') && !rest.ends_with(r"\)"));
        let inner = inner.ok_or_else(|| format!("`{expression}` must be contained within a `()` pair"))?;
        let whole = pattern::compile(expression).map_err(|error| format!("`{expression}`: {error}"))?;
        let nested = traits.contains(&Trait::List) && whole.captures_len() > 2;
        let nested = nested.then_some(whole).filter(|whole| whole.capture_names().flatten().next().is_some());
        Ok(Self { name: name.to_owned(), traits, group: format!("(?P<{name}>{inner}"), nested })
    }

    fn is(&self, what: Trait) -> bool {
        self.traits.contains(&what)
    }
}

/// What a value holds. JSON's null is Python's `None`.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) now: Json,
    /// For `Filldown`: what was matched last.
    last: Json,
    /// For `List`: what was collected.
    list: Vec<Json>,
}

impl Cell {
    /// Takes what was matched; `None` where the group had no part in the match. Answers whether records before it are
    /// to be filled.
    pub(super) fn assign(&mut self, value: &Value, matched: Option<&str>) -> Result<bool, fancy_regex::Error> {
        self.now = matched.map_or(Json::Null, Json::from);
        if value.is(Trait::Filldown) {
            self.last = self.now.clone();
        }
        if value.is(Trait::List) {
            let entry = match (&value.nested, matched) {
                (Some(nested), Some(text)) => groups(nested, text)?.unwrap_or_else(|| text.into()),
                _ => self.now.clone(),
            };
            self.list.push(entry);
        }
        Ok(value.is(Trait::Fillup) && is_filled(&self.now))
    }

    /// Gets ready to be recorded. Answers whether the record may be kept.
    pub(super) fn save(&mut self, value: &Value) -> bool {
        value.traits.iter().all(|what| {
            if *what == Trait::List {
                self.now = Json::Array(self.list.clone());
            }
            *what != Trait::Required || is_filled(&self.now)
        })
    }

    /// Forgets all but what stays from record to record.
    pub(super) fn clear(&mut self, value: &Value) {
        self.now = if value.is(Trait::Filldown) { self.last.clone() } else { Json::Null };
        if !value.is(Trait::Filldown) {
            self.list.clear();
        }
    }

    /// How much it would take to keep it in a record, in bytes.
    pub(super) fn size(&self, value: &Value) -> usize {
        if value.is(Trait::List) { self.list.iter().map(size).sum() } else { size(&self.now) }
    }
}

/// The named groups of an entry of a list.
fn groups(nested: &Regex, text: &str) -> Result<Option<Json>, fancy_regex::Error> {
    let Some(captures) = nested.captures(text)? else { return Ok(None) };
    let group = |name: &str| {
        let text = captures.name(name).map_or(Json::Null, |group| group.as_str().into());
        (name.to_owned(), text)
    };
    Ok(Some(Json::Object(nested.capture_names().flatten().map(group).collect::<Map<_, _>>())))
}

/// Whether Python takes it for true.
pub(super) fn is_filled(value: &Json) -> bool {
    match value {
        Json::String(text) => !text.is_empty(),
        Json::Array(entries) => !entries.is_empty(),
        _ => false,
    }
}

/// About how much memory it takes, in bytes.
pub(super) fn size(value: &Json) -> usize {
    let inside = match value {
        Json::String(text) => text.len(),
        Json::Array(entries) => entries.iter().map(size).sum(),
        Json::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 0,
    };
    size_of::<Json>() + inside
}
