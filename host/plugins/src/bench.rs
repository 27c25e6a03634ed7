//! The policies, as the operator configured them.

use crate::bindings::policy::exports::hostler::plugin::judging::Context;
use crate::bindings::policy::{Policy, PolicyPre};
use crate::config::Mode;
use crate::instance::{Instance, State};
use crate::jury::Seat;
use crate::plugin::{Plugin, World};
use crate::table::Table;
use crate::{Error, Plugins};
use hostler_model::{AuditEvent, Failure, Problem};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How long an instance waits for the next question before it is dropped. It is made again on need.
const IDLE: Duration = Duration::from_secs(1);

/// The configured chain, and the seats whose instances are to be dropped when they idle.
#[derive(Clone, Default)]
pub(crate) struct Bench {
    pub(crate) judges: Vec<Arc<Judge>>,
    watched: Arc<Mutex<Vec<Weak<Seat>>>>,
}

/// One policy with its settings.
pub(crate) struct Judge {
    pub(crate) plugin: Arc<Plugin>,
    settings: String,
    pub(crate) mode: Mode,
    may_amend: bool,
}

impl Judge {
    /// What it is told besides the question. `may_amend` says whether jobs can still be changed.
    pub(crate) fn context(&self, may_amend: bool) -> Context {
        self.context_at(Timestamp::now(), may_amend)
    }

    /// The same, as if it were another time.
    pub(crate) fn context_at(&self, now: Timestamp, may_amend: bool) -> Context {
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let may_amend = may_amend && self.may_amend && self.mode == Mode::Protect;
        Context { settings: self.settings.clone(), now_ms, may_amend }
    }

    /// What it comes to when it objects.
    pub(crate) fn event(&self) -> AuditEvent {
        match self.mode {
            Mode::Protect => AuditEvent::Denied,
            Mode::Monitor => AuditEvent::WouldDeny,
        }
    }

    fn pre(&self) -> &PolicyPre<State> {
        match &self.plugin.world {
            World::Policy { pre, .. } => pre,
            World::Driver { .. } => unreachable!("only policies are seated"),
        }
    }
}

impl Bench {
    /// Takes the configured policies of a table into service, each with settings that it accepts.
    pub(crate) async fn seat(plugins: &Plugins, table: &Table) -> Result<Self, Error> {
        let mut judges = Vec::new();
        for configured in &plugins.config.policies {
            let name = &configured.plugin;
            let cannot = |reason: &str| Error::Policy { name: name.clone(), reason: reason.to_owned() };
            let Some(plugin) = table.get(name) else {
                return Err(cannot(table.reason(name).unwrap_or("there is no such plugin")));
            };
            let World::Policy { settings: schema, .. } = &plugin.world else {
                return Err(cannot("it is a driver"));
            };
            let wrong = |problems: Vec<Problem>| Error::Settings { name: name.clone(), problems };
            let problems = schema.check(&configured.settings, "settings");
            if !problems.is_empty() {
                return Err(wrong(problems));
            }
            let (settings, mode) = (configured.settings.to_string(), configured.mode);
            let judge = Judge { plugin: Arc::clone(plugin), settings, mode, may_amend: configured.may_amend };
            let mut instance = instantiate(plugins, &judge).await.map_err(|failure| cannot(&failure.message))?;
            let checked = instance
                .call(async |store, policy| {
                    policy.hostler_plugin_judging().call_check_settings(store, &judge.settings).await
                })
                .await;
            if let Err(problems) = checked.map_err(|failure| cannot(&failure.message))? {
                return Err(wrong(problems.into_iter().map(Problem::from).collect()));
            }
            judges.push(Arc::new(judge));
        }
        // Jobs that were accepted before keep the judges that they had, under the same watch.
        Ok(Self { judges, watched: Arc::clone(&table.bench.watched) })
    }

    /// Drops instances that idle, as long as there is a bench of this line.
    pub(crate) fn sweep(&self) {
        tokio::spawn(sweep(Arc::downgrade(&self.watched)));
    }

    pub(crate) fn watch(&self, seat: &Arc<Seat>) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(seat));
    }
}

/// Drops instances that idle, as long as there is a bench.
async fn sweep(watched: Weak<Mutex<Vec<Weak<Seat>>>>) {
    loop {
        tokio::time::sleep(IDLE / 2).await;
        let Some(watched) = watched.upgrade() else { return };
        watched.lock().unwrap_or_else(PoisonError::into_inner).retain(|seat| {
            let Some(seat) = seat.upgrade() else { return false };
            // Locked means that it is being asked.
            let Ok(mut live) = seat.live.try_lock() else { return true };
            live.take_if(|live| live.last_used.elapsed() >= IDLE);
            live.is_some()
        });
    }
}

/// An instance of a policy, to be asked.
pub(crate) async fn instantiate(plugins: &Plugins, judge: &Judge) -> Result<Instance<Policy>, Failure> {
    let store = plugins.store(&judge.plugin, None);
    let permit = plugins.room().policy().await;
    crate::room::judge(judge.pre(), store, permit).await
}
