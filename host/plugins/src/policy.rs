//! The policies: configured once, seated as a jury for each job.

use crate::action::Action;
use crate::bindings::policy::exports::hostler::plugin::judging::{self as wit, Denial, Judgement, Verdict};
use crate::bindings::policy::{Policy, PolicyPre};
use crate::bindings::types;
use crate::instance::{Instance, State};
use crate::plugin::{Plugin, World};
use crate::table::Table;
use crate::{Error, Plugins};
use hostler_model::{ErrorKind, Failure, Hop, JobId, Phase, Problem, Target};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an instance waits for the next question before it is dropped. It is made again on need.
const IDLE: Duration = Duration::from_secs(1);

/// The configured chain, and the seats whose instances are to be dropped when they idle.
#[derive(Clone, Default)]
pub(crate) struct Bench {
    judges: Vec<Arc<Judge>>,
    watched: Arc<std::sync::Mutex<Vec<Weak<Seat>>>>,
}

/// One policy with its settings.
struct Judge {
    plugin: Arc<Plugin>,
    settings: String,
}

impl Judge {
    fn context(&self) -> wit::Context {
        let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        wit::Context { settings: self.settings.clone(), now_ms, may_amend: false }
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
            let judge = Judge { plugin: Arc::clone(plugin), settings: configured.settings.to_string() };
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

    fn watch(&self, seat: &Arc<Seat>) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(seat));
    }
}

/// Drops instances that idle, as long as there is a bench.
async fn sweep(watched: Weak<std::sync::Mutex<Vec<Weak<Seat>>>>) {
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

async fn instantiate(plugins: &Plugins, judge: &Judge) -> Result<Instance<Policy>, Failure> {
    let store = plugins.store(&judge.plugin, None);
    let permit = plugins.room().policy().await;
    crate::plugins::judge(judge.pre(), store, permit).await
}

/// The policies as one job meets them. It fails closed: a policy that cannot answer denies.
pub(crate) struct Jury {
    plugins: Arc<Plugins>,
    seats: Vec<Arc<Seat>>,
    target: Target,
}

struct Seat {
    judge: Arc<Judge>,
    live: Mutex<Option<Live>>,
}

struct Live {
    instance: Instance<Policy>,
    last_used: Instant,
}

impl Jury {
    /// The jury of one job.
    pub(crate) fn new(plugins: &Arc<Plugins>, target: Target) -> Self {
        let seat = |judge: &Arc<Judge>| Arc::new(Seat { judge: Arc::clone(judge), live: Mutex::new(None) });
        Self { plugins: Arc::clone(plugins), seats: plugins.table().bench.judges.iter().map(seat).collect(), target }
    }

    /// Has every policy judge the job, in order.
    pub(crate) async fn review(&self, job: &types::Job) -> Result<(), Failure> {
        for seat in &self.seats {
            let context = seat.judge.context();
            let judgement = seat
                .ask(&self.plugins, async |store, policy| {
                    policy.hostler_plugin_judging().call_review(store, &context, job).await
                })
                .await?;
            match judgement {
                Judgement::Allow => {}
                Judgement::Deny(denial) => return Err(seat.denied(&denial, "job")),
                Judgement::Amend(_) => {
                    let message = format!("policy {} may not amend jobs", seat.judge.plugin.name);
                    return Err(Failure::new(ErrorKind::InvalidOutput, Phase::Policy, message));
                }
            }
        }
        Ok(())
    }

    /// Has every policy judge an action, in order.
    pub(crate) async fn authorize(&self, job: JobId, driver: &str, action: &Action<'_>) -> Result<(), Failure> {
        if self.seats.is_empty() {
            return Ok(());
        }
        let asked = wit::Action {
            job: job.to_string(),
            driver: driver.to_owned(),
            kind: action.kind().into(),
            target: types::Target::from(action.place().unwrap_or(&self.target)),
            details: action.details(&self.target.user),
        };
        for seat in &self.seats {
            let context = seat.judge.context();
            let verdict = seat
                .ask(&self.plugins, async |store, policy| {
                    policy.hostler_plugin_judging().call_authorize(store, &context, &asked).await
                })
                .await?;
            if let Verdict::Deny(denial) = verdict {
                return Err(seat.denied(&denial, action.kind()));
            }
        }
        Ok(())
    }
}

impl Seat {
    async fn ask<T>(
        self: &Arc<Self>,
        plugins: &Plugins,
        question: impl AsyncFnOnce(&mut wasmtime::Store<State>, &Policy) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let mut seat = self.live.lock().await;
        let mut instance = if let Some(live) = seat.take() {
            live.instance
        } else {
            plugins.table().bench.watch(self);
            instantiate(plugins, &self.judge).await?
        };
        // An instance that failed is dropped here, with whatever state it was in.
        let answer = instance.call(question).await.map_err(|failure| Failure { phase: Phase::Policy, ..failure })?;
        if !plugins.room().is_scarce() {
            *seat = Some(Live { instance, last_used: Instant::now() });
        }
        Ok(answer)
    }

    fn denied(&self, denial: &Denial, what: &str) -> Failure {
        let policy = &self.judge.plugin.name;
        tracing::warn!(policy = &**policy, what, code = denial.code, reason = denial.reason, "denied");
        let message = format!("policy {policy} denied it ({}): {}", denial.code, denial.reason);
        Failure::new(ErrorKind::Denied, Phase::Policy, message)
    }
}

impl From<types::Problem> for Problem {
    fn from(problem: types::Problem) -> Self {
        Self { path: problem.path, code: problem.code, message: problem.message }
    }
}

impl From<&Target> for types::Target {
    fn from(target: &Target) -> Self {
        let hop = |Hop { host, port, user }: &Hop| types::Hop { host: host.clone(), port: *port, user: user.clone() };
        let Target { host, port, user, jumps } = target;
        Self { host: host.clone(), port: *port, user: user.clone(), jumps: jumps.iter().map(hop).collect() }
    }
}
