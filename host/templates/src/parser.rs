//! Parsers of what commands write.

use crate::failures;
use crate::textfsm::Template;
use hostler_model::{Failure, Parsing};
use serde_json::Value;

/// The names of all parsers.
pub const PARSERS: [&str; 1] = ["textfsm"];

/// What parsers are told besides their template.
pub const ARGUMENTS: [&str; 1] = [NTC];

/// Whether a template of the NTC collection is meant.
const NTC: &str = "use_ntc_template";

/// A template that makes data of text.
pub struct Parser(Template);

impl Parser {
    /// Reads a template. Errors: `not-found` for a parser that nobody knows; `unsupported` for what `NetPulse` has and this
    /// has not; `invalid-request` for what is wrong with the template; `limit` for what is too long.
    pub fn new(parsing: &Parsing) -> Result<Self, Failure> {
        match parsing.parser.as_str() {
            "textfsm" => {}
            "ttp" => {
                return Err(failures::unsupported(
                    "The parser `ttp` is not here; write the template for `textfsm`, or have a driver plugin of your own \
                     parse what its commands write.",
                ));
            }
            other => return Err(failures::not_found("Parser", other, &PARSERS)),
        }
        if parsing.arguments.get(NTC).is_some_and(|asked| *asked == true) {
            return Err(failures::unsupported(
                "The collection of NTC templates is not here; give the text of the template that you want from it as `template`.",
            ));
        }
        failures::check_source(&parsing.template)?;
        Template::parse(&parsing.template).map(Self)
    }

    /// What the template makes of a text: a list of objects, one for each record. Errors: `invalid-request` where the
    /// template says that the text is wrong; `limit` where it takes too long or makes too much.
    pub fn parse(&self, text: &str) -> Result<Value, Failure> {
        self.0.run(text).map(Value::Array)
    }
}
