//! A login at a server of the script.

use super::files::ServerFiles;
use super::script::{Script, Server};
use super::transfer::Mover;
use super::{command, shell};
use cap_std::fs::Dir;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Moved, Phase};
use hostler_remote::{Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Transfer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One user's connection with one server.
pub(super) struct Login {
    script: Arc<Script>,
    /// The server's place in the script.
    index: usize,
    files: Option<Arc<Dir>>,
    user: String,
    /// Shells that were opened so far.
    shells: AtomicUsize,
}

impl Login {
    pub(super) fn new(script: Arc<Script>, index: usize, files: Option<Arc<Dir>>, user: String) -> Self {
        Self { script, index, files, user, shells: AtomicUsize::new(0) }
    }

    fn server(&self) -> &Server {
        &self.script.servers[self.index]
    }

    fn folder(&self) -> Result<Arc<Dir>, Failure> {
        self.files.clone().ok_or_else(|| {
            let message = "The script's server has no files: give it [server.files] with a `folder`.";
            Failure::new(ErrorKind::Unsupported, Phase::Transfer, message)
        })
    }
}

impl Session for Login {
    fn start(&self, exec: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        let started = exec.check(&self.user).map(|()| command::start(self.server(), &exec));
        async { started }.boxed()
    }

    fn shell(&self, request: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>> {
        let number = self.shells.fetch_add(1, Ordering::Relaxed);
        let opened = self.server().shell(number).map(|dialogue| shell::open(dialogue.clone(), &request));
        let opened = opened.ok_or_else(|| {
            let message = "The script's server gives no shell: give it a [[server.shell]] with what it `shows`.";
            Failure::new(ErrorKind::ExecRefused, Phase::Exec, message)
        });
        async { opened }.boxed()
    }

    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>> {
        let opened = self.folder().map(|folder| Box::new(ServerFiles(folder)) as Box<dyn Files>);
        async { opened }.boxed()
    }

    fn transfer(&self, transfer: Transfer, overseer: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>> {
        let folder = self.folder();
        async { Mover::new(folder?, transfer, overseer).carry().await }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn reused(&self) -> bool {
        false
    }

    fn server_version(&self) -> Option<String> {
        Some("SSH-2.0-script".into())
    }
}
