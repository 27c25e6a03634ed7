//! What is wrong with a template, or with what it is used on.

use crate::LONGEST_TEMPLATE;
use hostler_model::{ErrorKind, Failure, Phase};

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message)
}

pub(crate) fn unsupported(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Unsupported, Phase::Validate, message)
}

pub(crate) fn limit(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Limit, Phase::Validate, message)
}

/// No renderer or parser of this name.
pub(crate) fn not_found(what: &str, name: &str, known: &[&str]) -> Failure {
    let message = format!("{what} {name} not found; what there is: {}.", known.join(", "));
    Failure::new(ErrorKind::NotFound, Phase::Validate, message)
}

/// A template has to be text of a sensible length, and not an address of one.
pub(crate) fn check_source(template: &str) -> Result<(), Failure> {
    const ADDRESSES: [&str; 4] = ["file://", "http://", "https://", "ftp://"];
    if template.len() > LONGEST_TEMPLATE {
        return Err(limit(format!("The template is longer than {LONGEST_TEMPLATE} bytes; use a shorter one.")));
    }
    let start = template.trim_start();
    let is = |address: &&str| start.get(..address.len()).is_some_and(|start| start.eq_ignore_ascii_case(address));
    match ADDRESSES.iter().find(|address| is(address)) {
        Some(address) => Err(unsupported(format!(
            "Templates are not fetched from {address} addresses; give the text of the template itself."
        ))),
        None => Ok(()),
    }
}
