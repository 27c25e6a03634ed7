//! What is kept of a job to carry it out after a restart.

use crate::failures;
use crate::vault::Vault;
use hostler_model::{Args, Failure, JobId, Options, Request, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const LABEL: &str = "job";
/// So much is put aside at first: what a buffer leaves behind when it grows is not wiped.
const CAPACITY: usize = 16 << 10;

/// A sealed request. All of it is sealed: which fields are secret is not known until its driver was asked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    driver: Cow<'a, str>,
    command: Cow<'a, Option<Vec<String>>>,
    config: Cow<'a, Option<Vec<String>>>,
    connection_args: Cow<'a, Map<String, Value>>,
    driver_args: Cow<'a, Map<String, Value>>,
    /// By path: `connection_args.password`.
    secrets: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    options: Cow<'a, Options>,
    warnings: Cow<'a, [String]>,
}

impl Kept {
    /// Seals the request of this job.
    pub(crate) fn seal(vault: &Vault, id: JobId, request: &Request) -> Result<Self, Failure> {
        let both = [&request.connection_args, &request.driver_args];
        let secrets = both.into_iter().flat_map(Args::secrets);
        let content = Content {
            driver: Cow::from(&request.driver),
            command: Cow::Borrowed(&request.command),
            config: Cow::Borrowed(&request.config),
            connection_args: Cow::Borrowed(request.connection_args.public()),
            driver_args: Cow::Borrowed(request.driver_args.public()),
            secrets: secrets.map(|(path, secret)| (path.into(), secret.expose().into())).collect(),
            options: Cow::Borrowed(&request.options),
            warnings: Cow::from(&request.warnings),
        };
        let mut plain = Zeroizing::new(Vec::with_capacity(CAPACITY));
        serde_json::to_writer(&mut *plain, &content).map_err(failures::store)?;
        vault.seal(LABEL, &id.to_string(), &plain).map(Self)
    }

    /// The request of this job as it was sealed.
    pub(crate) fn open(&self, vault: &Vault, id: JobId) -> Result<Request, Failure> {
        let plain = vault.open(LABEL, &id.to_string(), &self.0)?;
        let content: Content<'_> = serde_json::from_slice(&plain).map_err(failures::store)?;
        let secrets =
            content.secrets.into_iter().map(|(path, text)| (path.into_owned(), Secret::new(text.into_owned())));
        let (of_connection, of_driver) = secrets.partition(|(path, _)| path.starts_with("connection_args."));
        Ok(Request {
            driver: content.driver.into_owned(),
            command: content.command.into_owned(),
            config: content.config.into_owned(),
            connection_args: Args::sealed("connection_args", content.connection_args.into_owned(), of_connection),
            driver_args: Args::sealed("driver_args", content.driver_args.into_owned(), of_driver),
            options: content.options.into_owned(),
            // They are in the store already.
            webhooks: Vec::new(),
            warnings: content.warnings.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::vault;
    use hostler_model::ErrorKind;
    use serde_json::json;

    fn request() -> Request {
        let fields = |value| serde_json::from_value(value).expect("an object");
        Request {
            driver: "paramiko".into(),
            command: Some(vec!["uname -a".into()]),
            config: None,
            connection_args: Args::seal("connection_args", fields(json!({"host": "a", "password": "hun\"ter2"}))),
            driver_args: Args::seal("driver_args", fields(json!({"sudo": true, "sudo_password": "s3cret"}))),
            options: Options { repeatable: true, ..Options::default() },
            webhooks: Vec::new(),
            warnings: vec!["from the way in".into()],
        }
    }

    #[test]
    fn a_request_comes_back_with_its_secrets_in_their_places() {
        let (vault, id, request) = (vault(), JobId::new(), request());
        let kept = Kept::seal(&vault, id, &request).expect("sealed");
        let back = kept.open(&vault, id).expect("opened");
        assert_eq!((&back.driver, &back.command, &back.config), (&request.driver, &request.command, &request.config));
        assert_eq!((&back.options, &back.warnings), (&request.options, &request.warnings));
        for (back, was, path, secret) in [
            (&back.connection_args, &request.connection_args, "connection_args.password", "hun\"ter2"),
            (&back.driver_args, &request.driver_args, "driver_args.sudo_password", "s3cret"),
        ] {
            assert_eq!((back.name(), back.public()), (was.name(), was.public()));
            assert_eq!(back.secrets().len(), 1);
            assert_eq!(back.secrets()[path].expose(), secret);
        }
    }

    #[test]
    fn what_another_key_sealed_is_a_failure_that_says_what_to_do() {
        let (one, other, id) = (vault(), vault(), JobId::new());
        let kept = Kept::seal(&one, id, &request()).expect("sealed");
        for failure in [kept.open(&other, id), kept.open(&one, JobId::new())].map(|opened| opened.err().expect("shut"))
        {
            assert_eq!(failure.kind, ErrorKind::Lost);
            assert!(failure.message.contains("submit"), "{}", failure.message);
        }
    }
}
