//! The arguments of `jinja2.Template`.

use crate::failures;
use hostler_model::Failure;
use minijinja::syntax::SyntaxConfig;
use serde_json::{Map, Value};

/// How a template is written, from what Jinja2 knows. A null is as if absent.
pub(super) fn read(args: &Map<String, Value>) -> Result<SyntaxConfig, Failure> {
    let mut texts = Texts::default();
    let mut syntax = SyntaxConfig::builder();
    for (name, value) in args.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "trim_blocks" => drop(syntax.trim_blocks(flag(name, value)?)),
            "lstrip_blocks" => drop(syntax.lstrip_blocks(flag(name, value)?)),
            "keep_trailing_newline" => drop(syntax.keep_trailing_newline(flag(name, value)?)),
            "line_statement_prefix" => drop(syntax.line_statement_prefix(text(name, value)?.to_owned())),
            "line_comment_prefix" => drop(syntax.line_comment_prefix(text(name, value)?.to_owned())),
            "newline_sequence" if value == "\n" => {}
            "newline_sequence" => {
                return Err(failures::unsupported(
                    "Templates end lines by \"\\n\" only; leave `newline_sequence` out.",
                ));
            }
            "block_start_string" => text(name, value)?.clone_into(&mut texts.block.0),
            "block_end_string" => text(name, value)?.clone_into(&mut texts.block.1),
            "variable_start_string" => text(name, value)?.clone_into(&mut texts.variable.0),
            "variable_end_string" => text(name, value)?.clone_into(&mut texts.variable.1),
            "comment_start_string" => text(name, value)?.clone_into(&mut texts.comment.0),
            "comment_end_string" => text(name, value)?.clone_into(&mut texts.comment.1),
            _ => {
                return Err(failures::unsupported(format!(
                    "Jinja2's argument `{name}` is not known here; leave it out."
                )));
            }
        }
    }
    let Texts { block, variable, comment } = texts;
    syntax.block_delimiters(block.0, block.1);
    syntax.variable_delimiters(variable.0, variable.1);
    syntax.comment_delimiters(comment.0, comment.1);
    let syntax = syntax.build().map_err(|error| {
        failures::invalid(format!("The delimiters of the template cannot be used: {error}; choose others."))
    })?;
    Ok(syntax)
}

/// What has a default of its own.
struct Texts {
    block: (String, String),
    variable: (String, String),
    comment: (String, String),
}

impl Default for Texts {
    fn default() -> Self {
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        Self { block: pair("{%", "%}"), variable: pair("{{", "}}"), comment: pair("{#", "#}") }
    }
}

fn flag(name: &str, value: &Value) -> Result<bool, Failure> {
    value.as_bool().ok_or_else(|| failures::invalid(format!("Jinja2's argument `{name}` is true or false.")))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Failure> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| failures::invalid(format!("Jinja2's argument `{name}` is a text, and not empty.")))
}
