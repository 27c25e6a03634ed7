//! The failures that this room gives, each with its sentence. None holds a secret.

use hostler_model::{ErrorKind, Failure, Phase};
use std::fmt::Display;

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::BadCredential, Phase::Validate, message)
}

/// There is no provider at all. The words are those of `NetPulse`.
pub(crate) fn disabled() -> Failure {
    bad("Credential support is disabled in server configuration")
}

/// The provider that was named is not there.
pub(crate) fn no_provider(name: &str) -> Failure {
    bad(format!("There is no credential provider {name:?}; name one that the operator configured."))
}

/// There are several, and none was named.
pub(crate) fn which_provider(names: &[&str]) -> Failure {
    bad(format!("There are several credential providers; name one of: {}.", names.join(", ")))
}

/// Something that was asked makes no sense to the provider.
pub(crate) fn wrong(field: &str, why: &str) -> Failure {
    bad(format!("The credential's `{field}` {why}."))
}

/// The provider has nothing of that name.
pub(crate) fn not_there(provider: &str, reference: &str) -> Failure {
    bad(format!("The credential provider {provider} has nothing under {reference:?}; check the reference."))
}

/// It is there, without fields that are needed. The words are those of `NetPulse`.
pub(crate) fn missing(mut fields: Vec<String>) -> Failure {
    fields.sort();
    fields.dedup();
    bad(format!("Missing required secret fields: {}", fields.join(", ")))
}

/// The operator does not let this caller have it.
pub(crate) fn denied(provider: &str, reference: &str, caller: &str) -> Failure {
    let message = format!(
        "The API key `{caller}` may not use {reference:?} of the credential provider {provider}; \
         ask the operator to allow it there."
    );
    Failure::new(ErrorKind::Denied, Phase::Policy, message)
}

/// The provider itself fails. `why` goes on the sentence that begins with its name.
pub(crate) fn unavailable(provider: &str, why: &str) -> Failure {
    let message = format!("The credential provider {provider} {why}.");
    Failure::new(ErrorKind::CredentialUnavailable, Phase::Validate, message)
}

/// The same, with words for the log.
pub(crate) fn unavailable_because(provider: &str, why: &str, detail: impl Display) -> Failure {
    unavailable(provider, why).with_detail(detail)
}
