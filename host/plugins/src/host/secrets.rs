//! `secrets`: values that a guest may use but not see.

use crate::bindings::{secrets, types};
use crate::instance::State;
use hostler_model::{ErrorKind, Failure, Phase, Secret, SecretUse};
use wasmtime::component::Resource;

/// A guest's handle for a secret of its job.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct SecretHandle {
    path: String,
    secret: Secret,
}

impl SecretHandle {
    /// The secret, for typing, and where it stands in the request.
    pub(crate) fn with_path(&self) -> (String, Secret) {
        (self.path.clone(), self.secret.clone())
    }

    /// Where it stands in the request.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The secret, if it is meant for one of these uses.
    pub(crate) fn used_as(&self, wanted: &[SecretUse]) -> Result<Secret, Failure> {
        if wanted.contains(&SecretUse::of(&self.path)) {
            return Ok(self.secret.clone());
        }
        let uses: Vec<String> = wanted.iter().map(|wanted| format!("{wanted:?}").to_lowercase()).collect();
        let message = format!("{} may not be used as a {}", self.path, uses.join(" or "));
        Err(Failure::new(ErrorKind::Denied, Phase::Plugin, message))
    }
}

impl secrets::Host for State {
    async fn get(&mut self, path: String) -> wasmtime::Result<Result<Resource<SecretHandle>, types::Error>> {
        let found = self.serving().and_then(|job| {
            let message = format!("the request holds no secret at {path}");
            job.secrets.get(&path).cloned().ok_or_else(|| Failure::new(ErrorKind::NotFound, Phase::Plugin, message))
        });
        let opened = match found {
            Ok(secret) => {
                let pushed = self.table.push(SecretHandle { path, secret });
                self.handle(pushed)?
            }
            Err(failure) => Err(failure),
        };
        Ok(opened.map_err(|failure| self.tell(&failure)))
    }
}

impl secrets::HostSecret for State {
    async fn path(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&secret)?.path.clone())
    }

    async fn drop(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}
