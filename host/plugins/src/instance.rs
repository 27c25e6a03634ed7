//! One instance of a plugin, in a store of its own. The one constructor sets every limit.

use crate::cpu::Cpu;
use crate::host::results::Reading;
use crate::job::JobContext;
use crate::limits::Meter;
use crate::terms::Terms;
use hostler_model::{ErrorKind, Failure, Phase, RunResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{CallHook, Engine, Store, Trap, UpdateDeadline};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// All that a guest can reach: what is not in here does not exist for it.
pub(crate) struct State {
    /// The plugin that it is an instance of.
    pub(crate) terms: Arc<Terms>,
    /// The job it serves; absent while it describes or validates, when no capability works.
    pub(crate) job: Option<Arc<JobContext>>,
    /// Its handles.
    pub(crate) table: ResourceTable,
    /// Sessions and shells it has open.
    pub(crate) sessions: usize,
    /// Ways to files that it has open.
    pub(crate) sftps: usize,
    /// Commands that ended, and what else is a result, by id.
    pub(crate) runs: Vec<RunResult>,
    /// The shell that it opened last.
    pub(crate) reading: Option<Reading>,
    /// Bytes that its shells have shown.
    pub(crate) shown: u64,
    /// Bytes of output that may still be kept.
    pub(crate) output_left: usize,
    /// Bytes of commands that may still be kept with their results.
    pub(crate) commands_left: usize,
    /// Bytes it may still log.
    pub(crate) log_left: usize,
    meter: Meter,
    cpu: Cpu,
    wasi: Option<Wasi>,
}

/// The profile `wasi`: an empty environment, no files, no sockets.
struct Wasi {
    ctx: WasiCtx,
    /// Standard output and standard error.
    console: MemoryOutputPipe,
    /// Bytes of it that were moved to the log.
    logged: usize,
}

/// How generated code gets from a store to the implementation of our interfaces.
pub(crate) struct Host;

impl HasData for Host {
    type Data<'a> = &'a mut State;
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.as_mut().expect("WASI is linked only where it was granted");
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut self.table }
    }
}

/// A guest ready to be called. It counts against the pool until it is dropped.
pub(crate) struct Instance<B> {
    pub(crate) store: Store<State>,
    pub(crate) bindings: B,
    _permit: OwnedSemaphorePermit,
}

/// The only constructor of stores.
pub(crate) fn store(engine: &Engine, terms: &Arc<Terms>, job: Option<Arc<JobContext>>) -> Store<State> {
    let limits = &terms.limits;
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let state = State {
        terms: Arc::clone(terms),
        job,
        table,
        sessions: 0,
        sftps: 0,
        runs: Vec::new(),
        reading: None,
        shown: 0,
        output_left: limits.job_output,
        commands_left: limits.job_output,
        log_left: limits.log,
        meter: Meter::new(limits.memory),
        cpu: Cpu::new(limits),
        wasi: terms.wasi().then(|| Wasi::new(limits.log)),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        Ok(if context.data_mut().cpu.tick() { UpdateDeadline::Yield(1) } else { UpdateDeadline::Interrupt })
    });
    store.call_hook(|mut context, hook| {
        match hook {
            CallHook::CallingHost => context.data_mut().cpu.enter_host(),
            // A call that never waits leaves the deadline alone: whoever makes it again and again has to yield all the same.
            CallHook::ReturningFromHost if context.data_mut().cpu.leave_host() => context.set_epoch_deadline(1),
            _ => {}
        }
        Ok(())
    });
    store
}

impl Wasi {
    fn new(log: usize) -> Self {
        let console = MemoryOutputPipe::new(log);
        let mut builder = WasiCtx::builder();
        builder.stdout(console.clone()).stderr(console.clone()).allow_tcp(false).allow_udp(false);
        Self { ctx: builder.build(), console, logged: 0 }
    }
}

impl<B> Instance<B> {
    pub(crate) fn new(store: Store<State>, bindings: B, permit: OwnedSemaphorePermit) -> Self {
        Self { store, bindings, _permit: permit }
    }

    /// Calls an export that reaches no server, with a fresh CPU budget. After an error the
    /// instance must be dropped.
    pub(crate) async fn call<T>(
        &mut self,
        export: impl AsyncFnOnce(&mut Store<State>, &B) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let State { cpu, terms, .. } = self.store.data_mut();
        cpu.refill();
        let wall = terms.limits.call_time();
        self.call_until(export, async move {
            tokio::time::sleep(wall).await;
            Failure::new(ErrorKind::Timeout, Phase::Plugin, format!("it did not answer within {} ms", wall.as_millis()))
        })
        .await
    }

    /// Calls an export, and gives it up when `stop` says so. After an error the instance must be
    /// dropped.
    pub(crate) async fn call_until<T>(
        &mut self,
        export: impl AsyncFnOnce(&mut Store<State>, &B) -> wasmtime::Result<T>,
        stop: impl Future<Output = Failure>,
    ) -> Result<T, Failure> {
        let clock = self.store.data().cpu.clock();
        let result = tokio::select! {
            biased; // a call that is over at once starts no timer
            result = clock.of(export(&mut self.store, &self.bindings)) => result.map_err(|error| failure(self.store.data(), &error)),
            failure = stop => Err(failure),
        };
        let state = self.store.data_mut();
        state.log_console();
        let plugin = &state.terms.name;
        state.terms.usage.called(result.is_ok(), state.meter.used(), state.cpu.finish());
        result.map_err(|failure| Failure { message: format!("plugin {plugin}: {}", failure.message), ..failure })
    }
}

impl State {
    /// Moves what the guest printed to the log.
    fn log_console(&mut self) {
        let Some(wasi) = &mut self.wasi else { return };
        let printed = wasi.console.contents().split_off(wasi.logged);
        wasi.logged += printed.len();
        if !printed.is_empty() {
            tracing::info!(
                plugin = &*self.terms.name,
                printed = self.scrub(&String::from_utf8_lossy(&printed)),
                "plugin printed"
            );
        }
    }

    /// Cuts the job's secrets out of a text.
    pub(crate) fn scrub(&self, text: &str) -> String {
        self.job.as_ref().map_or_else(|| text.to_owned(), |job| job.scrubber.text(text))
    }
}

/// Makes an instance, of whichever world.
pub(crate) async fn instantiate<B>(
    store: &mut Store<State>,
    make: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<B>,
) -> Result<B, Failure> {
    let clock = store.data().cpu.clock();
    clock.of(make(store)).await.map_err(|error| {
        let failure = failure(store.data(), &error);
        Failure { message: format!("plugin {}: {}", store.data().terms.name, failure.message), ..failure }
    })
}

/// Tells apart why a guest stopped.
fn failure(state: &State, error: &wasmtime::Error) -> Failure {
    let limits = &state.terms.limits;
    let limit = |message: String| Failure::new(ErrorKind::Limit, Phase::Plugin, message);
    let trap = error.downcast_ref::<Trap>();
    let failure = if state.cpu.is_spent() {
        limit(format!("it used up its CPU time of {} ms", limits.cpu_ms))
    } else if state.meter.memory_refused {
        limit(format!("it needs more than its {} MiB of memory", limits.memory >> 20))
    } else if error.root_cause().to_string().contains("fuel allocated for hostcalls") {
        limit(format!("one call carried more than {} MiB to the host", limits.call_bytes >> 20))
    } else if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        Failure::new(ErrorKind::Busy, Phase::Plugin, "no room for one more instance; try again")
    } else if let Some(trap) = trap {
        Failure::new(ErrorKind::Trap, Phase::Plugin, format!("it trapped ({trap})"))
    } else {
        Failure::new(ErrorKind::InvalidOutput, Phase::Plugin, "it broke the rules of the component model")
    };
    failure.with_detail(format!("{error:#}"))
}

/// Time after a job's end is due in which its guest may clean up before the store is dropped.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
