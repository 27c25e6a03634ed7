//! How the daemon proves itself to Vault.

use super::Vault;
use crate::failures;
use hostler_model::{Failure, Secret};
use reqwest::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// A token or what buys one.
pub(super) enum Kept {
    Here(Secret),
    File(PathBuf),
}

/// A token, or the role that gets one.
pub(super) struct Login {
    role: Option<String>,
    kept: Kept,
    /// What logging in gave, and until when it is used: half of its time.
    given: Mutex<Option<(Secret, Instant)>>,
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(deserialize_with = "secret")]
    client_token: Secret,
    /// Seconds.
    lease_duration: u32,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl Login {
    pub(super) fn token_of(kept: Kept) -> Self {
        Self { role: None, kept, given: Mutex::default() }
    }

    pub(super) fn app_role(role: String, kept: Kept) -> Self {
        Self { role: Some(role), kept, given: Mutex::default() }
    }

    /// A token to use now.
    pub(super) async fn token(&self, vault: &Vault) -> Result<Secret, Failure> {
        let Some(role) = &self.role else { return self.read(vault).await };
        // Whoever comes meanwhile waits for the same.
        let mut given = self.given.lock().await;
        if let Some((token, until)) = &*given
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let Auth { client_token, lease_duration } = self.log_in(vault, role).await?;
        let until = Instant::now() + Duration::from_secs(lease_duration.into()) / 2;
        *given = Some((client_token.clone(), until));
        Ok(client_token)
    }

    /// Does not use this token again.
    pub(super) fn forget(&self, token: &Secret) {
        if let Ok(mut given) = self.given.try_lock() {
            given.take_if(|(given, _)| given.expose() == token.expose());
        }
    }

    async fn log_in(&self, vault: &Vault, role: &str) -> Result<Auth, Failure> {
        let secret = self.read(vault).await?;
        let request = vault.client.post(vault.url(["auth", "approle", "login"]));
        let request = Vault::addressed(request, vault.namespace.as_deref());
        let answer = vault.send(request.json(&json!({"role_id": role, "secret_id": secret.expose()}))).await?;
        match answer.status() {
            StatusCode::OK => Ok(vault.understand::<LoggedIn>(answer).await?.auth),
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => {
                let why = "was not let in by Vault; the operator corrects `role_id` and its secret";
                Err(failures::unavailable(&vault.name, why))
            }
            status => Err(vault.answered(status)),
        }
    }

    async fn read(&self, vault: &Vault) -> Result<Secret, Failure> {
        match &self.kept {
            Kept::Here(secret) => Ok(secret.clone()),
            Kept::File(path) => {
                let text = tokio::fs::read_to_string(path).await.map(Zeroizing::new);
                let why = "cannot read the file with its token; the operator finds the reason in the daemon's log";
                let text = text.map_err(|error| failures::unavailable_because(&vault.name, why, error))?;
                Ok(Secret::new(text.trim().to_owned()))
            }
        }
    }
}
