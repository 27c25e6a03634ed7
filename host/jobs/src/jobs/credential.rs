//! How a job gets what it logs in with, where its request only names that.

use super::Jobs;
use crate::Rejection;
use hostler_model::{AuditEntry, AuditEvent, ErrorKind, Failure, JobId, Request};
use hostler_plugins::Prepared;
use serde_json::json;

impl Jobs {
    /// Has the plugins prepare a request, with what its credential holds. `caller` is a name.
    pub(super) async fn with_credential<P: Future<Output = Result<Prepared, Rejection>>>(
        &self,
        id: JobId,
        caller: &str,
        mut request: Request,
        prepare: impl FnOnce(Request) -> P,
    ) -> Result<Prepared, Rejection> {
        let warnings = self.fill_in(id, caller, &mut request).await?;
        let mut prepared = prepare(request).await?;
        prepared.warn(warnings);
        Ok(prepared)
    }

    /// Fills in what `connection_args` lack from the credential that the request names, if it names one, and tells the
    /// audit. Answers what the client should know. Nothing of it is ever stored: it is done again when a job that waited begins.
    async fn fill_in(&self, id: JobId, caller: &str, request: &mut Request) -> Result<Vec<String>, Failure> {
        let Some(credential) = request.options.credential.clone() else { return Ok(Vec::new()) };
        let entry = |event| AuditEntry {
            caller: Some(caller.into()),
            job: Some(id),
            plugin: request.driver.clone(),
            details: json!(credential),
            ..AuditEntry::new(event, "credential")
        };
        let found = match self.credentials.resolve(&credential, caller).await {
            Ok(found) => found,
            Err(failure) => {
                if failure.kind == ErrorKind::Denied {
                    let by = self.credentials.provider(&credential).unwrap_or_default().into();
                    let reason = failure.message.clone();
                    self.record(&AuditEntry { by, rule: "allowed".into(), reason, ..entry(AuditEvent::Denied) });
                }
                return Err(failure);
            }
        };
        self.record(&entry(AuditEvent::CredentialUsed));
        let kept = found.iter().filter(|(field, value)| !request.connection_args.complete(field, value));
        let warning =
            |field: &String| format!("connection_args.{field} was given, so the one of the credential was not used");
        Ok(kept.map(|(field, _)| warning(field)).collect())
    }
}
