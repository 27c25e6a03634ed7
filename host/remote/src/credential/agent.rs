//! The daemon's agent (draft-ietf-sshm-ssh-agent): it holds keys and signs with them.

use russh::keys::Error;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// A conversation with the agent.
pub(crate) type Agent = AgentClient<UnixStream>;

/// It is on this machine, and listing needs nobody's consent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the agent at `socket` what it holds. `session` tells it for which server it will sign, so that it
/// also shows keys that are meant for some servers only.
pub(crate) async fn identities(
    socket: &Path,
    session: Option<&AgentSessionBinding>,
) -> Result<(Agent, Vec<AgentIdentity>), Error> {
    let conversation = async {
        let mut agent = Agent::connect_uds(socket).await?;
        if let Some(session) = session {
            // Only OpenSSH's own agent knows the question.
            let _bound = agent.bind_session(session, false).await;
        }
        let identities = agent.request_identities().await?;
        Ok((agent, identities))
    };
    timeout(PATIENCE, conversation)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}
