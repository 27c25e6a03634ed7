//! The real connector.

use crate::background::Background;
use crate::connection::{Connection, Way};
use crate::credential::Lent;
use crate::dial::resolve;
use crate::key::KeyMaker;
use crate::known_hosts::KnownHosts;
use crate::limiter::Limiter;
use crate::metrics::{Kept, Logins};
use crate::opener::Opener;
use crate::pool::Pool;
use crate::{Config, Connect, Connector, Deadlines, Error, Session};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::Failure;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Opens sessions over the network, and keeps connections that later requests can share. Dropping it
/// closes each of them as soon as nobody uses it.
pub struct Engine {
    deadlines: Deadlines,
    opener: Arc<Opener>,
    sessions: Arc<Pool>,
    pool_idle: Duration,
}

impl Engine {
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let deadlines = config.deadlines();
        let opener = Opener {
            lent: Arc::new(Lent {
                key_roots: config.key_roots,
                agent: config.agent,
                default_keys: config.default_keys,
            }),
            known_hosts: Arc::new(KnownHosts::new(config.known_hosts)),
            keepalive: config.keepalive_interval,
            keys: KeyMaker::new()?,
            background: Background::new().map_err(Error::NoThreads)?,
            limiter: Limiter::new(config.logins_at_once.get().into()),
            logins: Logins::default(),
            jumps: Pool::new(usize::MAX, config.pool_age),
            jump_idle: config.jump_idle,
        };
        let sessions = Pool::new(config.sessions_per_connection.get().into(), config.pool_age);
        Ok(Self { deadlines, opener: Arc::new(opener), sessions, pool_idle: config.pool_idle })
    }

    /// Has connections and logins counted.
    pub fn register(&self, registry: &mut Registry) {
        self.opener.logins.register(registry);
        registry.register_collector(Box::new(Kept::new(&self.sessions, &self.opener.jumps)));
    }

    /// Closes all connections, those to jump hosts last. Sessions that are still open get 10 seconds to end.
    pub async fn shutdown(&self) {
        self.sessions.ended().await;
        self.opener.jumps.ended().await;
    }

    async fn open(&self, request: Connect) -> Result<Box<dyn Session>, Failure> {
        Opener::check(&request)?;
        let idle = self.pool_idle.max(request.keepalive.unwrap_or_default());
        let way = Way { opener: self.opener.clone(), pool: self.sessions.clone(), idle, request };
        Ok(Box::new(Connection::open(way).await?))
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

impl Drop for Engine {
    fn drop(&mut self) {
        self.sessions.end();
        self.opener.jumps.end();
    }
}
