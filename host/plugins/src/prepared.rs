//! The life of a job as far as plugins go: validate, review, execute.

use crate::audit::Docket;
use crate::bindings::driver::Driver;
use crate::bindings::driver::exports::hostler::plugin::driving::Item;
use crate::bindings::types;
use crate::breaker::Step;
use crate::deadline::Deadline;
use crate::error::list;
use crate::instance::{GRACE, Instance};
use crate::job::JobContext;
use crate::jury::Jury;
use crate::named;
use crate::plan;
use crate::plugin::Plugin;
use crate::room::drive;
use crate::scrub::Scrubber;
use crate::verdict::Verdict;
use crate::{Plugins, Witness};
use hostler_model::{
    ErrorKind, Failure, JobId, Options, Outcome, Phase, Plan, Problem, Request, RunResult, Secret, TaskId,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// By which a driver hears in `driver_args` that a file came with the request: what the client calls it.
const STAGED: &str = "staged";

/// By which it hears that commands are to go on by themselves.
const DETACH: &str = "detach";

/// By which it hears that nothing is asked but to connect.
const LOOK: &str = "look";

/// Why a request was not accepted.
#[derive(Debug)]
pub enum Rejection {
    /// Something is wrong with the request.
    Invalid(Vec<Problem>),
    /// It was denied, or could not be judged.
    Failed(Failure),
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A request that was validated and allowed. It holds the secrets; it is not stored.
pub struct Prepared {
    docket: Arc<Docket>,
    plan: Plan,
    plugins: Arc<Plugins>,
    job: types::Job,
    jury: Jury,
    verdicts: Vec<Verdict>,
    secrets: BTreeMap<String, Secret>,
    execution_timeout: Option<Duration>,
    /// What it is to launch, if it asks for that.
    task: Option<TaskId>,
    staged: Option<Uuid>,
}

impl Plugins {
    /// Validates a request and has it reviewed by every policy. `caller` is whose job it is, for the audit.
    pub async fn prepare(self: &Arc<Self>, id: JobId, caller: &str, request: Request) -> Result<Prepared, Rejection> {
        self.prepare_to(false, id, caller, request).await
    }

    /// The same for somebody who only wants to connect ([`Prepared::visit`]): what is to be done there is left out, if the
    /// driver can do without.
    pub async fn prepare_visit(
        self: &Arc<Self>,
        id: JobId,
        caller: &str,
        request: Request,
    ) -> Result<Prepared, Rejection> {
        self.prepare_to(true, id, caller, request).await
    }

    async fn prepare_to(
        self: &Arc<Self>,
        looks: bool,
        id: JobId,
        caller: &str,
        mut request: Request,
    ) -> Result<Prepared, Rejection> {
        let driver = self.driver(&request.driver)?;
        let [connection_args, driver_args] = driver.marked();
        request.connection_args.seal_also(connection_args);
        request.driver_args.seal_also(driver_args);
        tell(&driver, &mut request, looks)?;
        let name = self.staged_name(&driver, &request).map_err(Rejection::Invalid)?;
        let docket = Arc::new(Docket::new(id, caller, Arc::clone(&driver), Arc::clone(&self.audit)));
        let then = if looks { Step::Visit } else { Step::Work };
        let mut plan = self.plan(&docket, then, &request, name.as_deref()).await?;
        let jury = Jury::new(self, Arc::clone(&docket), plan.target.clone());
        let mut job = asked(id, &driver, &plan, &request);
        let (mut verdicts, amendments) = jury.review(&mut job, true).await?;
        if !amendments.is_empty() {
            amend(&mut request, job.request);
            let target = plan.target;
            plan = self.plan(&docket, then, &request, name.as_deref()).await.map_err(|rejection| match rejection {
                // What the client asked for was valid: that it is not any more is the policies' doing.
                Rejection::Invalid(problems) => {
                    jury.spoilt(format!("{}; {}", amendments.join("; "), list(&problems))).into()
                }
                failed @ Rejection::Failed(_) => failed,
            })?;
            if plan.target != target {
                let message = format!("policies may not change the target; they made it {}", plan.target);
                return Err(jury.spoilt(message).into());
            }
            job = asked(id, &driver, &plan, &request);
            verdicts.extend(jury.review(&mut job, false).await?.0);
            plan.warnings.extend(amendments);
        }
        let (secrets, Options { execution_timeout, staged, detach, .. }) = (request.secrets(), request.options);
        let (plugins, task) = (Arc::clone(self), detach.map(|_| TaskId::from(id)));
        Ok(Prepared { docket, plan, plugins, job, jury, verdicts, secrets, execution_timeout, task, staged })
    }

    /// What the client calls the file that came with the request, if one did. Only the host says so to the driver.
    fn staged_name(&self, driver: &Plugin, request: &Request) -> Result<Option<String>, Vec<Problem>> {
        if request.driver_args.public().contains_key(STAGED) {
            let message = "The daemon says so itself where a file came with the request: leave it out.";
            return Err(vec![Problem::new(["driver_args", STAGED], "extra_forbidden", message)]);
        }
        let Some(id) = request.options.staged else { return Ok(None) };
        let (_, _, driver_args) = driver.parts();
        if driver_args.value.pointer("/properties/staged").is_none() {
            let message = format!("The driver {} takes no files: leave it out.", driver.terms.name);
            return Err(vec![Problem::new([STAGED], "unsupported", message)]);
        }
        match self.files.staged.about(id) {
            Ok(about) => Ok(Some(about.name)),
            Err(failure) => Err(vec![Problem::new([STAGED], "not_found", failure.message)]),
        }
    }

    /// What the driver makes of a request, with which a file of the name `staged` may have come: first by its schemas,
    /// then by what it says itself, in an instance that has no capability. `then` is what it is to be called for next.
    async fn plan(
        &self,
        docket: &Docket,
        then: Step,
        request: &Request,
        staged: Option<&str>,
    ) -> Result<Plan, Rejection> {
        let driver = &docket.driver;
        plan::check_size(driver, request).map_err(|problem| Rejection::Invalid(vec![problem]))?;
        let (_, connection_args, driver_args) = driver.parts();
        let mut problems = Vec::new();
        for (schema, args) in [(connection_args, &request.connection_args), (driver_args, &request.driver_args)] {
            problems.extend(args.problems().iter().cloned());
            problems.extend(schema.problems(args));
        }
        if !problems.is_empty() {
            return Err(Rejection::Invalid(problems));
        }
        let text = |fields: &Map<String, Value>| serde_json::to_string(fields).expect("JSON can be written");
        let mut driver_args = request.driver_args.public().clone();
        // What policies amended has it from the driver.
        driver_args.remove(STAGED);
        driver_args.extend(staged.map(|name| (STAGED.into(), name.into())));
        let asked = types::Request {
            connection_args: text(request.connection_args.public()),
            driver_args: text(&driver_args),
            command: request.command.clone(),
            config: request.config.clone(),
            secrets: request.secrets().into_keys().collect(),
        };
        let _turn = driver.terms.validation().await?;
        docket.take_turn(then)?;
        docket.take_turn(Step::Preparation)?;
        let planned = self.validate(driver, &asked).await;
        let planned = planned.and_then(|planned| named::check(driver, request, planned));
        docket.called(Step::Preparation, planned.as_ref().err());
        let wrong =
            |problems: Vec<types::Problem>| Rejection::Invalid(problems.into_iter().map(Problem::from).collect());
        planned?.map_err(wrong)
    }

    async fn validate(
        &self,
        driver: &Plugin,
        asked: &types::Request,
    ) -> Result<Result<Plan, Vec<types::Problem>>, Failure> {
        let (pre, ..) = driver.parts();
        let mut instance = drive(pre, self.store(driver, None), self.room().driver().await).await?;
        let answer = instance
            .call(async |store, driver| driver.hostler_plugin_driving().call_validate(store, asked).await)
            .await?;
        Ok(match answer {
            Ok(normalised) => Ok(plan::read(driver, normalised, asked)?),
            Err(problems) => Err(problems),
        })
    }
}

/// Tells the driver what only the daemon may tell it: that commands are to go on by themselves, or that nothing is asked
/// but to connect.
fn tell(driver: &Plugin, request: &mut Request, looks: bool) -> Result<(), Rejection> {
    let (.., schema) = driver.parts();
    let problem = |path: &[&str], code: &str, message: &str| {
        Err(Rejection::Invalid(vec![Problem::new(path.iter().copied(), code, message)]))
    };
    if looks && schema.has(LOOK) {
        *request = Request {
            driver: std::mem::take(&mut request.driver),
            connection_args: std::mem::take(&mut request.connection_args),
            driver_args: std::mem::take(&mut request.driver_args),
            ..Request::default()
        };
        *request.driver_args.public_mut() = Map::from_iter([(LOOK.to_owned(), Value::Bool(true))]);
        return Ok(());
    }
    if let Some(name) = [DETACH, LOOK].into_iter().find(|name| request.driver_args.public().contains_key(*name)) {
        let message = "The daemon says so itself: leave it out of `driver_args`. `detach` stands beside it.";
        return problem(&["driver_args", name], "extra_forbidden", message);
    }
    if request.options.detach.is_some() && !schema.has(DETACH) {
        return problem(&[DETACH], "unsupported", "This driver cannot detach: leave `detach` out.");
    }
    if request.options.detach.is_some() {
        request.driver_args.public_mut().insert(DETACH.into(), Value::Bool(true));
    }
    Ok(())
}

/// The job as policies see it, and the driver at its end.
fn asked(id: JobId, driver: &Plugin, plan: &Plan, request: &Request) -> types::Job {
    types::Job {
        id: id.to_string(),
        driver: driver.terms.name.to_string(),
        target: types::Target::from(&plan.target),
        request: types::Request {
            command: plan.command.clone(),
            config: plan.config.clone(),
            connection_args: plan.connection_args.to_string(),
            driver_args: plan.driver_args.to_string(),
            secrets: request.secrets().into_keys().collect(),
        },
    }
}

/// Takes over what policies made of a request. Its secrets stay.
fn amend(request: &mut Request, amended: types::Request) {
    let fields = |text: &str| serde_json::from_str(text).expect("it was written as an object");
    request.command = amended.command;
    request.config = amended.config;
    *request.connection_args.public_mut() = fields(&amended.connection_args);
    *request.driver_args.public_mut() = fields(&amended.driver_args);
}

impl Prepared {
    /// What the driver made of the request.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Adds what the client should know of the way in.
    pub fn warn(&mut self, warnings: Vec<String>) {
        self.plan.warnings.extend(warnings);
    }

    /// What the policies said, in order; once more for a job that one of them changed.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// How many jobs its driver carries out at once. It is up to the caller to mind that.
    pub fn concurrency(&self) -> usize {
        self.docket.driver.terms.limits.concurrency
    }

    /// Carries the job out in a fresh instance of its driver. Never fails: what goes wrong is the
    /// outcome. After `cancel`, the guest may clean up for 10 s before it is dropped.
    pub async fn execute(self, witness: Arc<dyn Witness>, cancel: CancellationToken) -> Outcome {
        let (operator, limit) = (self.plugins.config.max_execution_time(), self.docket.driver.terms.limits.job_time());
        let deadline = Deadline::new(self.execution_timeout, limit, operator);
        let (plugins, job, context) = self.begin(witness, cancel, deadline);
        let outcome = run(&plugins, &context, &job).await;
        let warnings = context.warnings();
        let error = outcome.error.map(|error| Failure { message: context.scrubber.text(&error.message), ..error });
        Outcome { warnings, error, ..outcome }
    }

    /// What its capabilities need to know from now on.
    pub(crate) fn begin(
        self,
        witness: Arc<dyn Witness>,
        cancel: CancellationToken,
        deadline: Deadline,
    ) -> (Arc<Plugins>, types::Job, Arc<JobContext>) {
        let Self { docket, plan, plugins, job, jury, secrets, task, staged, .. } = self;
        let (scrubber, warnings) = Scrubber::new(&secrets);
        let context = Arc::new(JobContext {
            docket,
            target: plan.target,
            secrets,
            scrubber,
            jury,
            connector: Arc::clone(&plugins.connector),
            files: plugins.files.clone(),
            staged,
            witness,
            cancel,
            deadline,
            addresses: Mutex::default(),
            task: Mutex::new(task),
            warnings: Mutex::new(warnings),
        });
        (plugins, job, context)
    }
}

impl Plugins {
    /// An instance of the driver of a job, to be called for this.
    pub(crate) async fn instance(&self, context: &Arc<JobContext>, step: Step) -> Result<Instance<Driver>, Failure> {
        let docket = &context.docket;
        // Its breaker may have opened while the job waited.
        docket.take_turn(step)?;
        let (pre, ..) = docket.driver.parts();
        let store = self.store(&docket.driver, Some(Arc::clone(context)));
        let made = drive(pre, store, self.room().driver().await).await;
        made.inspect_err(|failure| docket.called(step, Some(failure)))
    }
}

/// Waits until the instance of a job has to be dropped, and says why.
pub(crate) async fn dropped(context: &JobContext) -> Failure {
    let failure = context.end().await;
    tokio::time::sleep(GRACE).await;
    failure
}

async fn run(plugins: &Plugins, context: &Arc<JobContext>, job: &types::Job) -> Outcome {
    let docket = &context.docket;
    let mut instance = match plugins.instance(context, Step::Work).await {
        Ok(instance) => instance,
        Err(failure) => return failure.into(),
    };
    let executed = instance
        .call_until(
            async |store, driver| driver.hostler_plugin_driving().call_execute(store, job).await,
            dropped(context),
        )
        .await;
    let runs = std::mem::take(&mut instance.store.data_mut().runs);
    let outcome = match executed {
        Ok(Ok(items)) => joined(&docket.driver.terms.name, items, runs),
        Ok(Err(error)) => {
            docket.called(Step::Work, None);
            return Outcome { results: runs, error: Some(error.into()), ..Outcome::default() };
        }
        Err(failure) => Outcome { results: runs, error: Some(failure), ..Outcome::default() },
    };
    docket.called(Step::Work, outcome.error.as_ref());
    outcome
}

/// Puts the runs where the driver's items refer to them: each of them once, for they may be large.
fn joined(driver: &str, items: Vec<Item>, runs: Vec<RunResult>) -> Outcome {
    let mut named = BTreeSet::new();
    let wrong = items.iter().map(|item| item.run).find_map(|run| {
        let is_there = usize::try_from(run).is_ok_and(|run| run < runs.len());
        let what = if is_there { "twice to one command" } else { "to a command that it did not run" };
        (!is_there || !named.insert(run)).then_some(what)
    });
    if let Some(what) = wrong {
        let message = format!("plugin {driver}: its result refers {what}");
        let error = Failure::new(ErrorKind::InvalidOutput, Phase::Plugin, message);
        return Outcome { results: runs, error: Some(error), ..Outcome::default() };
    }
    let mut runs: BTreeMap<u32, RunResult> = (0..).zip(runs).collect();
    let item = |Item { command, run }| Some(RunResult { command, ..runs.remove(&run)? });
    Outcome { results: items.into_iter().filter_map(item).collect(), ..Outcome::default() }
}

impl From<types::Error> for Failure {
    /// A kind ends up in logs and metrics: what is no word is not passed on.
    fn from(error: types::Error) -> Self {
        let letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        let is_word = (1..=64).contains(&error.kind.len()) && error.kind.bytes().all(letter);
        let kind = if is_word { ErrorKind::from(error.kind.as_str()) } else { ErrorKind::InvalidOutput };
        Self::new(kind, Phase::from(error.phase.as_str()), error.message)
    }
}
