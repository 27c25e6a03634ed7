//! Authentication (RFC 4252, RFC 4256).

use crate::Connect;
use crate::credential::{Agent, Credential, Local, Proof, identities};
use crate::handshake::{Notes, Verifier};
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use russh::{AgentAuthError, MethodKind, MethodSet};
use std::path::Path;
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
    let user = &request.target.user;
    let mut attempt = Login { handle, user, notes, agent: None, offered: None, tried: vec![], missing: vec![] };
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
        Err(_) => Err(attempt.unanswered()),
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
    notes: &'a Notes,
    agent: Option<Agent>,
    /// What the server takes next; not known before its first answer.
    offered: Option<MethodSet>,
    /// The methods, once for each try.
    tried: Vec<&'static str>,
    /// What was asked for and is not there.
    missing: Vec<&'static str>,
}

impl Login<'_> {
    /// Whether the server let us in.
    async fn all(&mut self, credentials: Vec<Credential>) -> Result<bool, Over> {
        let mut left = self.choose(credentials).await;
        while self.tried.len() < MAX_TRIES {
            let Some(next) = left.iter().position(|credential| self.takes(&credential.proof)) else { break };
            let credential = left.remove(next);
            if self.present(&credential.proof).await? {
                return Ok(true);
            }
            // It was not its turn: it may be after another method has partly succeeded.
            if !self.takes(&credential.proof) {
                left.push(credential);
            }
        }
        Ok(false)
    }

    /// What will be tried: the agent replaced by its keys, no key twice, and of what the operator lends only as
    /// many as leave a try for each that the request gave.
    async fn choose(&mut self, credentials: Vec<Credential>) -> Vec<Credential> {
        let mut chosen: Vec<Credential> = Vec::new();
        for credential in credentials {
            match credential.proof {
                Proof::Agent(socket) => chosen.extend(self.ask_agent(&socket).await),
                Proof::Missing(what) => self.missing.push(what),
                _ => chosen.push(credential),
            }
        }
        let given = chosen.iter().filter(|credential| !credential.lent).count();
        let mut room = MAX_TRIES.saturating_sub(given);
        let (mut kept, mut dropped) = (Vec::<Credential>::new(), 0);
        for credential in chosen {
            let known = credential.proof.public_key();
            if known.is_some() && kept.iter().any(|earlier| earlier.proof.public_key() == known) {
                continue;
            }
            if credential.lent && room == 0 {
                dropped += 1;
                continue;
            }
            room -= usize::from(credential.lent);
            kept.push(credential);
        }
        if dropped > 0 {
            self.notes.warn(format!(
                "{dropped} of the daemon's own keys were not tried, because servers allow {MAX_TRIES} tries: name the key that fits."
            ));
        }
        kept
    }

    async fn ask_agent(&mut self, socket: &Path) -> Vec<Credential> {
        match identities(socket, self.handle.agent_session_binding()).await {
            Ok((agent, keys)) => {
                self.agent = Some(agent);
                if keys.is_empty() {
                    self.missing.push("the agent holds no key");
                }
                keys.into_iter().map(|key| Credential::lent(Proof::AgentKey(Box::new(key)))).collect()
            }
            Err(error) => {
                tracing::warn!(socket = %socket.display(), %error, "the agent cannot be used");
                self.notes.warn("The daemon's agent cannot be used: an operator finds the reason in the log.".into());
                self.missing.push("the agent cannot be used");
                Vec::new()
            }
        }
    }

    fn offers(&self, method: MethodKind) -> bool {
        self.offered.as_ref().is_none_or(|offered| offered.contains(&method))
    }

    fn takes(&self, proof: &Proof) -> bool {
        match proof {
            Proof::Password(_) => self.offers(MethodKind::Password) || self.offers(MethodKind::KeyboardInteractive),
            _ => self.offers(MethodKind::PublicKey),
        }
    }

    async fn present(&mut self, proof: &Proof) -> Result<bool, Over> {
        let Proof::Password(password) = proof else { return self.key(proof).await };
        if self.offers(MethodKind::Password) {
            self.tried.push("password");
            let result = self.handle.authenticate_password(self.user, password.expose()).await?;
            if self.settle(result)? {
                return Ok(true);
            }
        }
        // Only where the server has no plain password: a wrong one is not sent twice.
        let only_questions = !self.offers(MethodKind::Password) && self.offers(MethodKind::KeyboardInteractive);
        if !only_questions || self.tried.len() == MAX_TRIES {
            return Ok(false);
        }
        self.questions(password).await
    }

    /// `publickey`. RSA signs with SHA-512, and with SHA-256 for a server that knows only that.
    async fn key(&mut self, proof: &Proof) -> Result<bool, Over> {
        if self.sign(proof, HashAlg::Sha512).await? {
            return Ok(true);
        }
        if !proof.is_rsa() || self.tried.len() == MAX_TRIES {
            return Ok(false);
        }
        let best = timeout(LOCAL_ANSWER, self.handle.best_supported_rsa_hash()).await;
        let only_sha256 = matches!(best, Ok(Ok(Some(Some(HashAlg::Sha256)))));
        Ok(only_sha256 && self.sign(proof, HashAlg::Sha256).await?)
    }

    async fn sign(&mut self, proof: &Proof, hash: HashAlg) -> Result<bool, Over> {
        self.tried.push("publickey");
        let hash = proof.is_rsa().then_some(hash);
        let (handle, user) = (&mut *self.handle, self.user);
        let signed = match (proof, &mut self.agent) {
            (Proof::Key(key), _) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                let result = handle.authenticate_publickey(user, key).await?;
                return self.settle(result);
            }
            (Proof::Certificate(key, certificate), _) => {
                let certificate = (**certificate).clone();
                handle.authenticate_certificate_with(user, certificate, hash, &mut Local(key.clone())).await
            }
            (Proof::AgentKey(identity), Some(agent)) => match &**identity {
                AgentIdentity::PublicKey { key, .. } => {
                    handle.authenticate_publickey_with(user, key.clone(), hash, agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle.authenticate_certificate_with(user, certificate.clone(), hash, agent).await
                }
            },
            _ => return Ok(false),
        };
        match signed {
            Ok(result) => self.settle(result),
            Err(AgentAuthError::Send(_)) => Err(Over),
            Err(AgentAuthError::Key(error)) => {
                tracing::warn!(%error, "there is no signature");
                self.notes.warn(
                    "A key was passed over, because it could not sign: an operator finds the reason in the log.".into(),
                );
                Ok(false)
            }
        }
    }

    /// `keyboard-interactive`: the password answers one question that is asked without echo.
    async fn questions(&mut self, password: &Secret) -> Result<bool, Over> {
        use KeyboardInteractiveAuthResponse::{Failure, InfoRequest, Success};
        self.tried.push("keyboard-interactive");
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

    fn unanswered(&self) -> Failure {
        // russh drops the question for a new one (RFC 4252 section 8), which nobody could answer either.
        let message = if self.tried.last() == Some(&"password") {
            "The server did not answer the password in time: it may want it changed, so log in by hand; else check the \
             server, or raise `auth_timeout`."
        } else {
            "The server did not answer the authentication in time: check the server, or raise `auth_timeout`."
        };
        Failure::new(ErrorKind::Timeout, Phase::Auth, message)
    }

    fn refused(&self) -> Failure {
        let offered: Vec<&str> = self.offered.iter().flat_map(|offered| offered.iter()).map(Into::into).collect();
        let mut tried: Vec<&str> = Vec::new();
        for &method in &self.tried {
            if !tried.contains(&method) {
                tried.push(method);
            }
        }
        let list = |names: &[&str]| if names.is_empty() { "nothing".into() } else { names.join(", ") };
        let missing: String = self.missing.iter().flat_map(|what| [*what, "; "]).collect();
        Failure::new(
            ErrorKind::AuthFailed,
            Phase::Auth,
            format!(
                "The server does not let `{}` in (tried: {}; {missing}the server takes: {}): check the user name, the password and the keys.",
                self.user,
                list(&tried),
                list(&offered)
            ),
        )
    }
}
