//! The real connector.

use crate::connection::Connection;
use crate::credential::Lent;
use crate::dial::{check_host, dial, resolve};
use crate::handshake::{Notes, handshake};
use crate::known_hosts::KnownHosts;
use crate::login::login;
use crate::{Config, Connect, Connector, Deadlines, Session, credential};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Opens sessions over the network. It holds no connection itself.
pub struct Engine {
    lent: Arc<Lent>,
    known_hosts: Arc<KnownHosts>,
    deadlines: Deadlines,
    keepalive: Duration,
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            deadlines: config.deadlines(),
            lent: Arc::new(Lent {
                key_roots: config.key_roots,
                agent: config.agent,
                default_keys: config.default_keys,
            }),
            known_hosts: Arc::new(KnownHosts::new(config.known_hosts)),
            keepalive: config.keepalive_interval,
        }
    }

    async fn open(&self, mut request: Connect) -> Result<Box<dyn Session>, Failure> {
        check_host(&request.target.host)?;
        let methods = std::mem::take(&mut request.authentication);
        // Keys first: a request with an unusable one does not bother the server.
        let loading = timeout(request.auth_timeout, credential::load(methods, self.lent.clone()));
        let (credentials, warnings) = loading.await.map_err(|_| {
            let message = "Decrypting the private keys takes too long: raise `auth_timeout`.";
            Failure::new(ErrorKind::Timeout, Phase::Auth, message)
        })??;
        let notes = Arc::new(Notes::default());
        for warning in warnings {
            notes.warn(warning);
        }
        let wire = dial(&request.target, &request.addresses, request.connect_timeout).await?;
        let mut handle = handshake(wire, &request, &self.known_hosts, self.keepalive, &notes).await?;
        login(&mut handle, &request, credentials, &notes).await?;
        Ok(Box::new(Connection::new(handle, notes)))
    }
}

impl Connector for Engine {
    fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        resolve(host, port, timeout).boxed()
    }

    fn connect(&self, request: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        self.open(request).boxed()
    }
}
