//! For who develops a plugin: what changes in the plugins folder is taken into service without being asked.

use crate::Error;
use crate::Plugins;
use hostler_model::PluginChange;
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeMap;
use std::io;
use std::path::{self, Path};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::block_in_place;
use tokio::time::timeout;

/// Silence after which changes are looked at: a component, its manifest and its signature come one after the other.
const SETTLED: Duration = Duration::from_millis(200);

/// The eyes on a folder.
pub(crate) struct Watch {
    seen: Receiver<Seen>,
    /// It watches until it is dropped.
    _watcher: RecommendedWatcher,
}

/// What was seen.
enum Seen {
    /// A file came, changed or went.
    File(String),
    /// More happened than the system could tell.
    More,
    /// The folder is not watched any more.
    Over(io::Error),
}

/// What changed.
#[derive(Debug, Default)]
struct Changes {
    /// By name of the plugin: whether its manifest did, too.
    plugins: BTreeMap<String, bool>,
    /// Some of it is not known.
    more: bool,
    /// Why there will be no others.
    over: Option<io::Error>,
}

impl Watch {
    /// What changes from now on is seen.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: folder.to_owned(), source };
        let (sender, seen) = mpsc::channel(64);
        let whole = path::absolute(folder).map_err(failed)?;
        let own = whole.clone();
        let start = || {
            // It is called in a thread of the watcher's own.
            let mut watcher = notify::recommended_watcher(move |event| {
                if let Some(seen) = Seen::of(event, &own) {
                    // Nobody may listen any more.
                    let _unheard = sender.blocking_send(seen);
                }
            })?;
            watcher.watch(&whole, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        };
        let watcher = start().map_err(|error: notify::Error| failed(io::Error::other(error)))?;
        Ok(Self { seen, _watcher: watcher })
    }

    /// Has changes carried out as long as there are `plugins`.
    pub(crate) fn follow(mut self, plugins: &Arc<Plugins>) {
        let plugins = Arc::downgrade(plugins);
        tokio::spawn(async move {
            loop {
                let changes = self.changes().await;
                let Some(plugins) = plugins.upgrade() else { return };
                plugins.take_over(&changes).await;
                if let Some(error) = changes.over {
                    return tracing::error!(%error, "the plugins folder is not watched any more; restart the daemon");
                }
            }
        });
    }

    /// The next changes, when there are no more for a moment.
    async fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        let mut next = self.seen.recv().await;
        while let Some(seen) = next {
            changes.see(seen);
            next = timeout(SETTLED, self.seen.recv()).await.ok().flatten();
        }
        changes
    }
}

impl Seen {
    /// What matters of an event in the folder. A file counts when it was closed by who wrote it, or came under its name
    /// as a whole: then it is whole.
    fn of(event: notify::Result<Event>, folder: &Path) -> Option<Self> {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Some(Self::Over(io::Error::other(error))),
        };
        if event.need_rescan() {
            return Some(Self::More);
        }
        let counts = matches!(
            event.kind,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::To))
                | EventKind::Remove(_)
        );
        let path = event.paths.first().filter(|_| counts)?;
        if path == folder {
            return Some(Self::Over(io::Error::other("the folder was moved or removed")));
        }
        Some(Self::File(path.file_name()?.to_string_lossy().into_owned()))
    }
}

impl Changes {
    fn see(&mut self, seen: Seen) {
        match seen {
            Seen::File(name) => self.see_file(&name),
            Seen::More => self.more = true,
            Seen::Over(error) => self.over = Some(error),
        }
    }

    fn see_file(&mut self, file: &str) {
        if let Some(name) = file.strip_suffix(".toml") {
            self.see_plugin(name, true);
        } else if let Some(name) = file.strip_suffix(".sig").unwrap_or(file).strip_suffix(".wasm") {
            self.see_plugin(name, false);
        }
    }

    /// What has another name is on its way to one, or somebody else's.
    fn see_plugin(&mut self, name: &str, manifest: bool) {
        if !name.is_empty() && !name.contains('.') {
            *self.plugins.entry(name.into()).or_default() |= manifest;
        }
    }
}

impl Plugins {
    /// Brings what is in service to where the folder is. What is refused is logged and changes nothing.
    async fn take_over(self: &Arc<Self>, changes: &Changes) {
        let mut plugins = changes.plugins.clone();
        if changes.more {
            let listed = self.list().into_iter().map(|plugin| plugin.name);
            let there = block_in_place(|| self.folder.names()).unwrap_or_default();
            plugins.extend(listed.chain(there).map(|name| (name, true)));
        }
        for (name, manifest) in plugins {
            let table = self.table();
            let found = block_in_place(|| self.folder.version(&name));
            let serving = table.get(&name).map(|plugin| plugin.digest.as_str());
            let change = match found {
                // The daemon itself put it there, or somebody once more.
                Ok(Some(version)) if !manifest && serving == Some(version.digest()) => continue,
                Ok(None) if table.is_built_in(&name) || table.info(&name).is_none() => continue,
                Ok(None) => PluginChange::Remove,
                // What cannot be read is not gone: to load it says why.
                Ok(Some(_)) | Err(_) => PluginChange::Load,
            };
            // What is wrong with it is in the log and in the audit.
            let _refused = self.change_for(&name, change, None).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{remove_file, rename, write};

    /// The names that changed, with a star where the manifest did.
    fn names(changes: &Changes) -> Vec<String> {
        changes.plugins.iter().map(|(name, manifest)| format!("{name}{}", if *manifest { "*" } else { "" })).collect()
    }

    #[tokio::test]
    async fn what_is_written_moved_or_removed_is_seen_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let mut watch = Watch::open(folder.path()).expect("it can be watched");
        write(path("a.wasm"), "one").expect("writable");
        write(path("a.toml"), "two").expect("writable");
        write(path("b.wasm.part"), "three").expect("writable");
        rename(path("b.wasm.part"), path("b.wasm")).expect("writable");
        for noise in ["c.txt", ".wasm", ".part-d.wasm", "e.wasm.previous", "e.wasm.previous.sig"] {
            write(path(noise), "").expect("writable");
        }
        assert_eq!(names(&watch.changes().await), ["a*", "b"], "all at once");
        let mut open = std::fs::File::create(path("a.wasm")).expect("writable");
        io::Write::write_all(&mut open, b"half").expect("writable");
        write(path("b.wasm.sig"), "").expect("writable");
        assert_eq!(names(&watch.changes().await), ["b"], "a is still being written");
        drop(open);
        assert_eq!(names(&watch.changes().await), ["a"]);
        remove_file(path("a.wasm")).expect("writable");
        assert_eq!(names(&watch.changes().await), ["a"]);
        drop(folder);
        assert!(watch.changes().await.over.is_some());
    }
}
