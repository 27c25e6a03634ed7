//! `HashiCorp` Vault, and `OpenBao`, which speaks the same: the key-value engine, version 2.

mod config;
mod login;
mod memory;

pub(crate) use config::VaultConfig;

use crate::ask::Ask;
use crate::failures;
use crate::fields::Fields;
use hostler_model::{Failure, Secret};
use login::Login;
use memory::{Memory, Place};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long an answer may be, in bytes.
const LIMIT: usize = 1 << 20;

/// A Vault server, and what of it may be read.
pub(crate) struct Vault {
    name: String,
    address: Url,
    client: Client,
    login: Login,
    namespace: Option<String>,
    /// Which a request may ask for besides.
    namespaces: Vec<String>,
    mount: String,
    /// Whole segments of `MOUNT/REFERENCE` that it begins with, one of them. Empty: everything.
    allowed: Vec<Vec<String>>,
    memory: Memory,
}

/// What Vault answers to a read.
#[derive(Deserialize)]
struct Answer {
    data: Version,
}

/// A version of a secret. One that was deleted has no content.
#[derive(Deserialize)]
struct Version {
    data: Option<Fields>,
}

impl Vault {
    /// What is there under a reference, at most some seconds ago. `caller` is for the sentence of a denial.
    pub(crate) async fn find(&self, reference: &str, ask: &Ask, caller: &str) -> Result<Arc<Fields>, Failure> {
        let place = self.place(reference, ask, caller)?;
        self.memory.recall(&place, || self.read(&place, reference)).await
    }

    /// Where that is, if it may be read.
    fn place(&self, reference: &str, ask: &Ask, caller: &str) -> Result<Place, Failure> {
        let namespace = match &ask.namespace {
            Some(asked) if !self.namespaces.contains(asked) && self.namespace.as_ref() != Some(asked) => {
                return Err(failures::denied(&self.name, &format!("namespace {asked}"), caller));
            }
            asked => asked.clone().or_else(|| self.namespace.clone()),
        };
        let mount = ask.mount.as_deref().unwrap_or(&self.mount);
        let mount = segments(mount).ok_or_else(|| failures::wrong("mount", "is no path"))?;
        let path = segments(reference).ok_or_else(|| failures::wrong("ref", "is no path"))?;
        let whole = [mount.as_slice(), &path].concat();
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| whole.starts_with(allowed)) {
            return Err(failures::denied(&self.name, &whole.join("/"), caller));
        }
        Ok(Place { namespace, mount, path, version: ask.version })
    }

    async fn read(&self, place: &Place, reference: &str) -> Result<Fields, Failure> {
        let data = ["data".to_owned()];
        let mut url = self.url(place.mount.iter().chain(&data).chain(&place.path));
        if let Some(version) = place.version {
            url.query_pairs_mut().append_pair("version", &version.to_string());
        }
        let request = Self::addressed(self.client.get(url), place.namespace.as_deref());
        let token = self.login.token(self).await?;
        let answer = self.send(sign(request, &token)?).await?;
        match answer.status() {
            StatusCode::OK => {
                let Answer { data } = self.understand(answer).await?;
                data.data.ok_or_else(|| failures::not_there(&self.name, reference))
            }
            // Also what was deleted.
            StatusCode::NOT_FOUND => Err(failures::not_there(&self.name, reference)),
            StatusCode::FORBIDDEN => {
                // What logging in gave may have been revoked.
                self.login.forget(&token);
                Err(self.refused())
            }
            status => Err(self.answered(status)),
        }
    }

    /// An address below `/v1`.
    fn url(&self, segments: impl IntoIterator<Item = impl AsRef<str>>) -> Url {
        let mut url = self.address.clone();
        url.path_segments_mut().expect("it is http").pop_if_empty().push("v1").extend(segments);
        url
    }

    fn addressed(request: RequestBuilder, namespace: Option<&str>) -> RequestBuilder {
        let request = request.header("x-vault-request", "true");
        match namespace {
            Some(namespace) => request.header("x-vault-namespace", namespace),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| {
            let why = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
            let why = format!("{why}; try again later, or ask the operator, who finds the reason in the daemon's log");
            failures::unavailable_because(&self.name, &why, Chain(&error.without_url()))
        })
    }

    async fn understand<T: for<'de> Deserialize<'de>>(&self, mut answer: Response) -> Result<T, Failure> {
        let broken = || failures::unavailable(&self.name, "broke off in the middle of its answer; try again later");
        // So much is taken at once: what a buffer leaves behind when it grows is not wiped.
        let mut body = Zeroizing::new(Vec::with_capacity(16 << 10));
        while let Some(part) = answer.chunk().await.map_err(|_| broken())? {
            if body.len() + part.len() > LIMIT {
                return Err(failures::unavailable(&self.name, "answered with more than a credential can be"));
            }
            body.extend_from_slice(&part);
        }
        // What the reader says may quote the answer.
        let why = "answered with something else than Vault does; the operator corrects its address";
        serde_json::from_slice(&body).map_err(|_| failures::unavailable(&self.name, why))
    }

    fn refused(&self) -> Failure {
        let why = "was refused by Vault (403); the operator gives the daemon a token whose policy reads that";
        failures::unavailable(&self.name, why)
    }

    fn answered(&self, status: StatusCode) -> Failure {
        let why = match status {
            status if status.is_redirection() => "leads elsewhere; the operator gives `addr` the active server".into(),
            StatusCode::SERVICE_UNAVAILABLE => "is sealed or in maintenance (503); try again later".into(),
            status => format!("answered with {}; the operator looks into Vault's log", status.as_u16()),
        };
        failures::unavailable(&self.name, &why)
    }
}

/// An error of the network with its causes, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

fn sign(request: RequestBuilder, token: &Secret) -> Result<RequestBuilder, Failure> {
    let value = reqwest::header::HeaderValue::from_str(token.expose());
    let mut value = value.map_err(|_| failures::wrong("token", "of the provider has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(request.header("x-vault-token", value))
}

/// The segments of a path, none of which is empty or leads up.
fn segments(path: &str) -> Option<Vec<String>> {
    let segments: Vec<_> = path.trim_matches('/').split('/').map(str::to_owned).collect();
    let real = |it: &String| !matches!(it.as_str(), "" | "." | "..") && !it.chars().any(char::is_control);
    segments.iter().all(real).then_some(segments)
}

#[cfg(test)]
mod tests;
