//! Authentication (RFC 4252, RFC 4256).

use crate::Connect;
use crate::credential::Credential;
use crate::handshake::{Notes, Verifier};
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Servers allow 6 by default (`MaxAuthTries` of sshd), and some lock accounts earlier.
const MAX_TRIES: usize = 6;

/// Rounds of questions in one keyboard-interactive attempt.
const MAX_ROUNDS: usize = 8;

/// The answer about the server's algorithms is local unless it never sent them.
const LOCAL_ANSWER: Duration = Duration::from_millis(100);

/// Tries the credentials in order, passing over those that the server does not offer at the moment.
pub(crate) async fn login(
    handle: &mut Handle<Verifier>,
    request: &Connect,
    credentials: Vec<Credential>,
    notes: &Notes,
) -> Result<(), Failure> {
    let mut attempt = Login { handle, user: &request.target.user, offered: None, tried: Vec::new() };
    match timeout(request.auth_timeout, attempt.all(credentials)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(attempt.refused()),
        // russh tells of an end only by silence; its reason stands in the notes once it is over.
        Ok(Err(Over)) => {
            let _ended = timeout(request.auth_timeout, &mut *attempt.handle).await;
            if notes.end().is_some_and(|end| end.no_more_methods) {
                Err(attempt.refused())
            } else {
                Err(notes.lost(Phase::Auth))
            }
        }
        Err(_) => Err(Failure::new(
            ErrorKind::Timeout,
            Phase::Auth,
            "The server did not answer the authentication in time: check the server, or raise `auth_timeout`.",
        )),
    }
}

/// The connection has ended.
struct Over;

impl From<russh::Error> for Over {
    fn from(_: russh::Error) -> Self {
        Self
    }
}

struct Login<'a> {
    handle: &'a mut Handle<Verifier>,
    user: &'a str,
    /// What the server takes next; not known before its first answer.
    offered: Option<MethodSet>,
    tried: Vec<&'static str>,
}

impl Login<'_> {
    /// Whether the server let us in.
    async fn all(&mut self, mut left: Vec<Credential>) -> Result<bool, Over> {
        for _ in 0..MAX_TRIES {
            let Some(next) = left.iter().position(|credential| self.takes(credential)) else { break };
            let credential = left.remove(next);
            if self.present(&credential).await? {
                return Ok(true);
            }
            // It was not its turn: it may be after another method has partly succeeded.
            if !self.takes(&credential) {
                left.push(credential);
            }
        }
        Ok(false)
    }

    fn offers(&self, method: MethodKind) -> bool {
        self.offered.as_ref().is_none_or(|offered| offered.contains(&method))
    }

    fn takes(&self, credential: &Credential) -> bool {
        match credential {
            Credential::Password(_) => {
                self.offers(MethodKind::Password) || self.offers(MethodKind::KeyboardInteractive)
            }
            Credential::Key(_) => self.offers(MethodKind::PublicKey),
        }
    }

    async fn present(&mut self, credential: &Credential) -> Result<bool, Over> {
        match credential {
            Credential::Key(key) => self.key(key).await,
            Credential::Password(password) => {
                if self.offers(MethodKind::Password) {
                    self.tried("password");
                    let result = self.handle.authenticate_password(self.user, password.expose()).await?;
                    if self.settle(result)? {
                        return Ok(true);
                    }
                }
                // Only where the server has no plain password: a wrong one is not sent twice.
                if self.offers(MethodKind::Password) || !self.offers(MethodKind::KeyboardInteractive) {
                    return Ok(false);
                }
                self.questions(password).await
            }
        }
    }

    /// `publickey`. RSA signs with SHA-512, and with SHA-256 for a server that knows only that.
    async fn key(&mut self, key: &Arc<PrivateKey>) -> Result<bool, Over> {
        self.tried("publickey");
        if self.sign(key, HashAlg::Sha512).await? {
            return Ok(true);
        }
        if !key.algorithm().is_rsa() {
            return Ok(false);
        }
        let best = timeout(LOCAL_ANSWER, self.handle.best_supported_rsa_hash()).await;
        let only_sha256 = matches!(best, Ok(Ok(Some(Some(HashAlg::Sha256)))));
        Ok(only_sha256 && self.sign(key, HashAlg::Sha256).await?)
    }

    async fn sign(&mut self, key: &Arc<PrivateKey>, hash: HashAlg) -> Result<bool, Over> {
        let key = PrivateKeyWithHashAlg::new(key.clone(), Some(hash));
        let result = self.handle.authenticate_publickey(self.user, key).await?;
        self.settle(result)
    }

    /// `keyboard-interactive`: the password answers one question that is asked without echo.
    async fn questions(&mut self, password: &Secret) -> Result<bool, Over> {
        use KeyboardInteractiveAuthResponse::{Failure, InfoRequest, Success};
        self.tried("keyboard-interactive");
        let mut unused = Some(password);
        let mut response = self.handle.authenticate_keyboard_interactive_start(self.user, None).await?;
        for _ in 0..MAX_ROUNDS {
            let prompts = match response {
                Success => return Ok(true),
                Failure { remaining_methods, partial_success } => {
                    return self.settle(AuthResult::Failure { remaining_methods, partial_success });
                }
                InfoRequest { prompts, .. } => prompts,
            };
            let answers = match prompts.as_slice() {
                [prompt] if !prompt.echo => {
                    vec![unused.take().map(|password| password.expose().to_owned()).unwrap_or_default()]
                }
                others => vec![String::new(); others.len()],
            };
            response = self.handle.authenticate_keyboard_interactive_respond(answers).await?;
        }
        // It never stops asking, and russh cannot leave the dialogue to try something else.
        self.offered = Some(MethodSet::empty());
        Ok(false)
    }

    fn settle(&mut self, result: AuthResult) -> Result<bool, Over> {
        match result {
            AuthResult::Success => Ok(true),
            // russh answers so when the connection has ended, too.
            AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() => Err(Over),
            AuthResult::Failure { remaining_methods, .. } => {
                self.offered = Some(remaining_methods);
                Ok(false)
            }
        }
    }

    fn tried(&mut self, method: &'static str) {
        if !self.tried.contains(&method) {
            self.tried.push(method);
        }
    }

    fn refused(&self) -> Failure {
        let offered: Vec<&str> = self.offered.iter().flat_map(|offered| offered.iter()).map(Into::into).collect();
        let list = |names: &[&str]| if names.is_empty() { "nothing".into() } else { names.join(", ") };
        Failure::new(
            ErrorKind::AuthFailed,
            Phase::Auth,
            format!(
                "The server does not let `{}` in (tried: {}; the server takes: {}): check the user name, the password and the keys.",
                self.user,
                list(&self.tried),
                list(&offered)
            ),
        )
    }
}
