//! The policies as one job meets them.

use crate::Plugins;
use crate::action::{Action, MAX_DETAILS};
use crate::amendment;
use crate::audit::{Decision, Docket};
use crate::bench::{Judge, instantiate};
use crate::bindings::policy::Policy;
use crate::bindings::policy::exports::hostler::plugin::judging::{self as wit, Denial, Judgement, Verdict};
use crate::bindings::types;
use crate::breaker::{Step, Turn};
use crate::config::Mode;
use crate::instance::Instance;
use crate::verdict::{Opinion, Verdict as Given};
use hostler_model::{AuditEvent, ErrorKind, Failure, Hop, Phase, Problem, Target};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The policies of one job. They fail closed: one that cannot answer denies, unless it only monitors.
pub(crate) struct Jury {
    plugins: Arc<Plugins>,
    docket: Arc<Docket>,
    seats: Vec<Arc<Seat>>,
    target: Target,
}

/// One policy's place in a jury.
pub(crate) struct Seat {
    judge: Arc<Judge>,
    turn: Turn,
    pub(crate) live: Mutex<Option<Live>>,
}

/// An instance that may be asked again.
pub(crate) struct Live {
    instance: Instance<Policy>,
    pub(crate) last_used: Instant,
}

/// What a policy objects to.
struct Objection<'a> {
    /// The kind of action, or `job`.
    what: &'a str,
    target: &'a Target,
    about: About<'a>,
}

/// What it was shown of it.
#[derive(Clone, Copy)]
enum About<'a> {
    /// The whole request.
    Job(&'a types::Request),
    /// The JSON of an action.
    Action(&'a str),
}

impl About<'_> {
    /// As it is written down.
    fn details(self) -> Value {
        match self {
            Self::Job(request) => amendment::document(request).map_or(Value::Null, |mut document| {
                document["secrets"] = request.secrets.clone().into();
                Docket::details(&document.to_string())
            }),
            Self::Action(json) => Docket::details(json),
        }
    }
}

impl Jury {
    /// The jury of one job, of the policies that are in service now.
    pub(crate) fn new(plugins: &Arc<Plugins>, docket: Arc<Docket>, target: Target) -> Self {
        let seat = |judge: &Arc<Judge>| {
            let turn = Turn::new(docket.job, Arc::clone(&judge.plugin), Arc::clone(&docket.audit));
            Arc::new(Seat { judge: Arc::clone(judge), turn, live: Mutex::new(None) })
        };
        let seats = plugins.table().bench.judges.iter().map(seat).collect();
        Self { plugins: Arc::clone(plugins), docket, seats, target }
    }

    /// Has every policy judge the job, in order. Those that may amend change it, if `may_amend` says so; the answer
    /// is what each of them said, and one sentence for each change.
    pub(crate) async fn review(
        &self,
        job: &mut types::Job,
        may_amend: bool,
    ) -> Result<(Vec<Given>, Vec<String>), Failure> {
        let (mut verdicts, mut amendments) = (Vec::new(), Vec::new());
        for seat in &self.seats {
            let context = seat.judge.context(may_amend);
            let asked = &*job;
            let judgement = seat
                .ask(&self.plugins, Step::Preparation, async |store, policy| {
                    policy.hostler_plugin_judging().call_review(store, &context, asked).await
                })
                .await;
            let objection = Objection { what: "job", target: &self.target, about: About::Job(&asked.request) };
            let (verdict, reason) = match judgement {
                Ok(Judgement::Allow) => (Opinion::Allowed, String::new()),
                Ok(Judgement::Deny(denial)) => {
                    self.deny(seat, &denial, &objection)?;
                    (Opinion::WouldDeny, denial.reason)
                }
                Ok(Judgement::Amend(amendment)) => {
                    match amendment::apply(&amendment.patch, &job.request, self.docket.driver.marked()) {
                        Ok((request, changes)) if context.may_amend => {
                            self.enter(seat, AuditEvent::Amended, "amended", &amendment.reason, &objection, changes);
                            job.request = request;
                            let policy = &seat.judge.plugin.terms.name;
                            amendments.push(format!("policy {policy} changed the job: {}", amendment.reason));
                            (Opinion::Amended, amendment.reason)
                        }
                        Ok((_, changes)) if seat.judge.mode == Mode::Monitor => {
                            self.enter(seat, AuditEvent::WouldAmend, "amended", &amendment.reason, &objection, changes);
                            (Opinion::WouldAmend, amendment.reason)
                        }
                        Ok(_) => self.fail(seat, nonsense(seat, "it may not change this job"), &objection)?,
                        Err(reason) => self.fail(seat, nonsense(seat, &reason), &objection)?,
                    }
                }
                Err(failure) => self.fail(seat, failure, &objection)?,
            };
            verdicts.push(Given {
                policy: seat.judge.plugin.terms.name.to_string(),
                mode: seat.judge.mode,
                verdict,
                reason,
            });
        }
        Ok((verdicts, amendments))
    }

    /// Has every policy judge an action, in order.
    pub(crate) async fn authorize(&self, action: &Action<'_>) -> Result<(), Failure> {
        if self.seats.is_empty() {
            return Ok(());
        }
        let target = action.place().unwrap_or(&self.target);
        let asked = wit::Action {
            job: self.docket.job.to_string(),
            driver: self.docket.driver.terms.name.to_string(),
            kind: action.kind().into(),
            target: types::Target::from(target),
            details: action.details(&self.target.user),
        };
        if asked.details.len() > MAX_DETAILS {
            return Err(self.docket.too_large(action, &self.target, asked.details.len()));
        }
        let objection = Objection { what: action.kind(), target, about: About::Action(&asked.details) };
        for seat in &self.seats {
            let context = seat.judge.context(false);
            let verdict = seat
                .ask(&self.plugins, Step::Work, async |store, policy| {
                    policy.hostler_plugin_judging().call_authorize(store, &context, &asked).await
                })
                .await;
            match verdict {
                Ok(Verdict::Allow) => {}
                Ok(Verdict::Deny(denial)) => self.deny(seat, &denial, &objection)?,
                Err(failure) => drop(self.fail(seat, failure, &objection)?),
            }
        }
        Ok(())
    }

    /// Denies a job that amendments made into something that cannot be.
    pub(crate) fn spoilt(&self, reason: String) -> Failure {
        let (event, action, by) = (AuditEvent::Denied, "job", "host");
        let target = self.target.to_string();
        self.docket.enter(Decision {
            event,
            action,
            target,
            by,
            rule: "amended",
            reason: &reason,
            details: Value::Null,
        });
        Failure::new(ErrorKind::InvalidOutput, Phase::Policy, reason)
    }

    /// What a policy denies is an error, unless it only monitors.
    fn deny(&self, seat: &Seat, denial: &Denial, objection: &Objection<'_>) -> Result<(), Failure> {
        let details = objection.about.details();
        let event = seat.judge.event();
        self.enter(seat, event, &denial.code, &denial.reason, objection, details);
        if event == AuditEvent::WouldDeny {
            return Ok(());
        }
        let message = format!("policy {} denied it ({}): {}", seat.judge.plugin.terms.name, denial.code, denial.reason);
        Err(Failure::new(ErrorKind::Denied, Phase::Policy, message))
    }

    /// So is a policy that cannot judge.
    fn fail(&self, seat: &Seat, failure: Failure, objection: &Objection<'_>) -> Result<(Opinion, String), Failure> {
        let details = objection.about.details();
        let event = seat.judge.event();
        self.enter(seat, event, &failure.kind.to_string(), &failure.message, objection, details);
        if event == AuditEvent::WouldDeny {
            return Ok((Opinion::WouldDeny, failure.message));
        }
        Err(Failure { phase: Phase::Policy, ..failure })
    }

    fn enter(&self, seat: &Seat, event: AuditEvent, rule: &str, reason: &str, about: &Objection<'_>, details: Value) {
        let (action, target, by) = (about.what, about.target.to_string(), &*seat.judge.plugin.terms.name);
        self.docket.enter(Decision { event, action, target, by, rule, reason, details });
    }
}

impl Seat {
    async fn ask<T>(
        self: &Arc<Self>,
        plugins: &Plugins,
        step: Step,
        question: impl AsyncFnOnce(&mut wasmtime::Store<crate::instance::State>, &Policy) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        if step == Step::Preparation {
            // A job of which it could not judge what is done is not let in.
            self.turn.take(Step::Work)?;
        }
        self.turn.take(step)?;
        let answer = self.answer(plugins, question).await;
        self.turn.ended(step, answer.as_ref().err());
        answer
    }

    async fn answer<T>(
        self: &Arc<Self>,
        plugins: &Plugins,
        question: impl AsyncFnOnce(&mut wasmtime::Store<crate::instance::State>, &Policy) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let mut seat = self.live.lock().await;
        let mut instance = if let Some(live) = seat.take() {
            live.instance
        } else {
            plugins.table().bench.watch(self);
            instantiate(plugins, &self.judge).await?
        };
        // An instance that failed is dropped here, with whatever state it was in.
        let answer = instance.call(question).await?;
        if !plugins.room().is_scarce() {
            *seat = Some(Live { instance, last_used: Instant::now() });
        }
        Ok(answer)
    }
}

fn nonsense(seat: &Seat, what: &str) -> Failure {
    let message = format!("policy {} amends what it may not: {what}", seat.judge.plugin.terms.name);
    Failure::new(ErrorKind::InvalidOutput, Phase::Policy, message)
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
