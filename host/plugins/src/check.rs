//! What the daemon would say of a component, all at once: for its author, before an operator sees it.

use crate::folder::Version;
use crate::manifest;
use crate::plugin::Source;
use crate::{Audit, Capability, Config, Error, Manifest, Plugins, builtin, check_name};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_files::Files;
use hostler_model::{AuditEntry, ErrorKind, Failure, Phase};
use hostler_remote::{Connect, Connector, Deadlines, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the daemon would say of a component.
#[derive(Debug, Default)]
pub struct Checked {
    /// What it says of itself, as far as that can be understood.
    pub manifest: Option<Manifest>,
    /// Why it would be refused by an operator who gives all that it asks for.
    pub refusals: Vec<Error>,
}

impl Checked {
    /// Checks a component, with the manifest that lies beside it, as the daemon does before it serves: its self-test is
    /// run if nothing else is wrong. Of `config`, what is said about limits, compiling and the cache counts. Needs a runtime
    /// with several threads, because loading blocks.
    pub async fn new(component: Vec<u8>, beside: Option<String>, config: Config, files: Files) -> Self {
        let text = match manifest::text(&component, beside.as_deref()) {
            Ok(text) => text,
            Err(error) => return Self { manifest: None, refusals: vec![error] },
        };
        let (manifest, mut refusals) = Manifest::examine(&text);
        if let Some(manifest) = &manifest
            && let Err(error) = load(manifest, component, beside, config, files, &mut refusals).await
        {
            refusals.push(error);
        }
        Self { manifest, refusals }
    }

    /// The capabilities that it asks for, each with its author's reason.
    pub fn reasons(&self) -> impl Iterator<Item = (Capability, &str)> {
        let requests = self.manifest.iter().flat_map(|manifest| &manifest.requests);
        requests.map(|request| (request.capability, request.reason().unwrap_or_default()))
    }
}

async fn load(
    manifest: &Manifest,
    wasm: Vec<u8>,
    beside: Option<String>,
    config: Config,
    files: Files,
    refusals: &mut Vec<Error>,
) -> Result<(), Error> {
    let name = &manifest.name;
    refusals.extend(check_name(name).err());
    if builtin::has(name) {
        refusals.push(Error::NameTaken(name.clone()));
    }
    let config = Config {
        unsigned: true,
        policies: Vec::new(),
        plugin: [(name.clone(), manifest.wish(&config))].into(),
        ..config
    };
    let plugins = Plugins::new(config, Arc::new(Nowhere), files, Arc::new(Nowhere))?;
    let version = Version::new(wasm, None, beside);
    let component = plugins.component(&version).await?;
    refusals.extend(manifest.compare(&plugins.engine, &component));
    if refusals.is_empty() {
        plugins.ready(&Source::of_folder(name, version)).await?;
    }
    Ok(())
}

/// No job is carried out here: there is nothing to reach, and nothing to write down.
struct Nowhere;

impl Connector for Nowhere {
    fn deadlines(&self) -> Deadlines {
        Deadlines { connect: Duration::ZERO, banner: Duration::ZERO, auth: Duration::ZERO }
    }

    fn resolve<'a>(&'a self, _: &'a str, _: u16, _: Duration) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        async { Err(nowhere()) }.boxed()
    }

    fn connect(&self, _: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        async { Err(nowhere()) }.boxed()
    }
}

fn nowhere() -> Failure {
    Failure::new(ErrorKind::Unsupported, Phase::Connect, "a check reaches no server")
}

impl Audit for Nowhere {
    fn record(&self, _: AuditEntry) {}
}
