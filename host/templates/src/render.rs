//! Jinja2 templates, by minijinja.

mod arguments;

use crate::failures;
use hostler_model::Failure;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::{Map, Value};

/// The names of all renderers.
pub const RENDERERS: [&str; 1] = ["jinja2"];

/// What a template may do: about so many instructions, or 64 times so many bytes.
const FUEL: u64 = 500_000;
/// What comes out at most, in bytes.
const LONGEST_OUTPUT: usize = 1 << 20;
/// How deep macros and loops may go. It must fit the stack of any thread.
const DEPTH: usize = 100;

/// What comes of a template with this context. `args` are those of `jinja2.Template`: delimiters, prefixes, white space.
/// What is undefined renders as nothing.
///
/// Errors: `not-found` for another renderer than `jinja2`; `unsupported` for a template that is an address; `invalid-request`
/// for what is wrong with the template; `limit` for what is too long or does too much.
pub fn render(
    name: &str,
    template: &str,
    context: &Map<String, Value>,
    args: &Map<String, Value>,
) -> Result<String, Failure> {
    if !RENDERERS.contains(&name) {
        return Err(failures::not_found("Renderer", name, &RENDERERS));
    }
    failures::check_source(template)?;
    let syntax = arguments::read(args)?;
    let template = template.replace("\r\n", "\n").replace('\r', "\n");
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_syntax(syntax);
    environment.set_unknown_method_callback(unknown_method_callback);
    let template = environment.template_from_str(&template).map_err(|error| failure(&error))?;
    let text = template.render(Serde(context)).map_err(|error| failure(&error))?;
    if text.len() > LONGEST_OUTPUT {
        return Err(failures::limit(format!(
            "The template makes more than {LONGEST_OUTPUT} bytes; have it make less."
        )));
    }
    Ok(text)
}

fn failure(error: &Error) -> Failure {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel => {
            failures::limit(format!("The template does too much{line}; have it loop less, and make less."))
        }
        kind => {
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            failures::invalid(format!("The template is wrong{line}: {kind}{detail}."))
        }
    }
}

#[cfg(test)]
mod tests;
