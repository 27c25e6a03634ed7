//! How a plugin gets into service and out of it, while jobs go on.
//!
//! What goes into service passes the same steps at the start, when it is installed and when it is rolled back to:
//! digest and signature, compiling, grants, linking, self-test. What fails changes nothing. Jobs that were accepted
//! before a change end on the version that accepted them.

use crate::bench::Bench;
use crate::folder::Version;
use crate::plugin::{Draft, Plugin, Source};
use crate::table::Table;
use crate::{Error, Plugins, cache};
use hostler_model::{AuditEvent, ErrorKind, Failure, Phase, PluginChange, PluginInfo};
use std::sync::Arc;
use tokio::task::block_in_place;

impl Plugins {
    /// Changes a plugin, and answers it as [`Plugins::list`] shows it; one that was removed as it was. One change is
    /// made after the other; `by` is who makes it, for the audit. Errors: `not-found`; `denied` for want of a signature; `bad-plugin`; `in-use`; `internal`.
    pub async fn change(self: &Arc<Self>, name: &str, change: PluginChange, by: &str) -> Result<PluginInfo, Failure> {
        self.change_for(name, change, Some(by)).await
    }

    /// The same for somebody, or for the daemon itself.
    pub(crate) async fn change_for(
        self: &Arc<Self>,
        name: &str,
        change: PluginChange,
        by: Option<&str>,
    ) -> Result<PluginInfo, Failure> {
        let (plugins, name, by) = (Arc::clone(self), name.to_owned(), by.map(str::to_owned));
        // A task of its own: a client that goes away does not leave half a change behind.
        let changed = tokio::spawn(async move {
            let _turn = plugins.changing.lock().await;
            let (what, event, table) = (word(&change), event(&change), plugins.table());
            let changed = plugins.carry_out(&table, &name, change).await;
            let info = changed.map_err(|error| error.about(&name)).inspect_err(|failure| {
                tracing::warn!(plugin = name, what, error = failure.message, "plugin not changed");
                plugins.note(AuditEvent::Refused, by.as_deref(), &name, "", &failure.message);
            })?;
            tracing::info!(plugin = name, what, digest = info.digest, signed_by = info.signed_by, "plugin changed");
            let signer = info.signed_by.as_deref().unwrap_or("nobody signed it");
            plugins.note(event, by.as_deref(), &name, &info.digest, signer);
            Ok(info)
        });
        changed.await.unwrap_or_else(|error| {
            let message = "the change of the plugin broke off; list the plugins to see what is in service";
            Err(Failure::new(ErrorKind::Internal, Phase::Plugin, message).with_detail(error))
        })
    }

    async fn carry_out(&self, table: &Table, name: &str, change: PluginChange) -> Result<PluginInfo, Error> {
        if table.is_built_in(name) {
            return Err(Error::NameTaken(name.into()));
        }
        check_name(name)?;
        let missing = |what: String| move || Error::Missing(what.clone());
        let (version, is_new) = match change {
            PluginChange::Remove => return self.remove(table, name),
            PluginChange::Load => {
                (block_in_place(|| self.folder.version(name))?.ok_or_else(missing(format!("file {name}.wasm")))?, false)
            }
            PluginChange::Install { component, signature } => {
                let manifest = block_in_place(|| self.folder.manifest(name))?;
                (Version::new(component, signature, manifest), true)
            }
            PluginChange::Rollback => {
                let earlier = missing(format!("earlier version of {name}"));
                let listed = table.previous.get(name).ok_or_else(&earlier)?;
                let previous = block_in_place(|| self.folder.previous(name))?.ok_or_else(&earlier)?;
                if previous.digest() != *listed {
                    return Err(Error::Tampered(name.into()));
                }
                (previous, true)
            }
        };
        let source = Source::of_folder(name, version);
        let plugin = self.ready(&source).await?;
        let mut next = table.clone();
        let before = table.get(name).filter(|before| before.digest != plugin.digest);
        next.insert(plugin);
        if self.is_seated(name) {
            next.bench = Bench::seat(self, &next).await?;
        }
        block_in_place(|| {
            let before = before.and_then(|before| {
                let copy = self.cache.version(&before.digest);
                if copy.is_none() {
                    let digest = &before.digest;
                    tracing::warn!(
                        plugin = name,
                        digest,
                        "no copy of this version is left; it cannot be rolled back to"
                    );
                }
                copy
            });
            self.folder.put(name, is_new.then_some(&source.version), before.as_ref())?;
            next.previous.extend(before.map(|before| (name.to_owned(), before.digest().to_owned())));
            self.keep(&source.version);
            self.serve(next);
            Ok(())
        })?;
        self.find(name).ok_or_else(missing(format!("plugin {name}")))
    }

    fn remove(&self, table: &Table, name: &str) -> Result<PluginInfo, Error> {
        let info = table.info(name).ok_or_else(|| Error::Missing(format!("plugin {name}")))?;
        if self.is_seated(name) {
            return Err(Error::InUse("it is a policy of the configuration, and jobs would pass unjudged without it"));
        }
        let mut next = table.clone();
        next.loaded.remove(name);
        next.broken.remove(name);
        next.previous.remove(name);
        block_in_place(|| {
            self.folder.remove(name)?;
            self.serve(next);
            Ok(info)
        })
    }

    /// Makes a plugin ready to serve: everything short of taking it into service.
    pub(crate) async fn ready(&self, source: &Source) -> Result<Plugin, Error> {
        check_name(&source.name)?;
        let signed_by = self.admit(source)?;
        let manifest = source.manifest()?;
        let component = self.component(&source.version).await?;
        let draft = block_in_place(|| Draft::link(&self.engine, &component, &self.config, source, manifest))?;
        let plugin = self.describe(draft, signed_by).await?;
        self.test(&plugin).await?;
        Ok(plugin)
    }

    /// The compiled form, from the cache or made now.
    pub(crate) async fn component(&self, version: &Version) -> Result<wasmtime::component::Component, Error> {
        let digest = version.digest();
        if let Some(component) = block_in_place(|| self.cache.find(&self.engine, digest)) {
            return Ok(component);
        }
        let compiled = self.compiler.compile(&version.wasm).await?;
        block_in_place(|| {
            let component = cache::deserialize(&self.engine, &compiled);
            let component = component.map_err(|error| Error::Compiler(format!("{error:#}")))?;
            self.cache.keep(&self.engine, digest, &compiled);
            Ok(component)
        })
    }
}

/// Whether this can be a plugin's name. Names are parts of file names and of paths.
pub fn check_name(name: &str) -> Result<(), Error> {
    let simple = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || !name.chars().all(simple) {
        return Err(Error::Description("a plugin's name has lower-case letters, digits and `-` only".into()));
    }
    Ok(())
}

fn word(change: &PluginChange) -> &'static str {
    match change {
        PluginChange::Load => "load",
        PluginChange::Install { .. } => "install",
        PluginChange::Rollback => "rollback",
        PluginChange::Remove => "remove",
    }
}

fn event(change: &PluginChange) -> AuditEvent {
    match change {
        PluginChange::Load | PluginChange::Install { .. } => AuditEvent::Loaded,
        PluginChange::Rollback => AuditEvent::RolledBack,
        PluginChange::Remove => AuditEvent::Removed,
    }
}
