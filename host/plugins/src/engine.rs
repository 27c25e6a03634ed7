//! The one wasmtime engine, and the thread that makes its time pass.

use crate::limits::MAX_CORE_INSTANCES;
use crate::{Config, Error};
use std::time::Duration;
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch ticks: the unit of CPU budgets, and the longest that a guest keeps a thread
/// of the runtime without yielding.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What is kept of a slot when it is freed: the next guest finds it zeroed but mapped. That is cheaper than
/// giving it back to the kernel and faulting it in again, as long as it is about what a guest touches.
const KEEP_MEMORY: usize = 256 << 10;
const KEEP_TABLE: usize = 64 << 10;

/// Makes the engine: pooled where the address space allows it, on demand where not.
pub(crate) fn start(config: &Config) -> Result<Engine, Error> {
    let engine = Engine::new(&settings(Some(pool(config)))).or_else(|error| {
        tracing::warn!(%error, "no room for a pool of plugin instances; each one is allocated on demand");
        Engine::new(&settings(None))
    });
    let engine = engine.map_err(|error| Error::Engine(format!("{error:#}")))?;
    tick(engine.weak());
    Ok(engine)
}

/// An engine that compiles for the one that [`start`] makes, and runs nothing.
pub(crate) fn compiling() -> Result<Engine, Error> {
    let mut settings = settings(None);
    // One thread: the others are for the jobs, and what it takes depends on the component alone.
    settings.parallel_compilation(false);
    Engine::new(&settings).map_err(|error| Error::Engine(format!("{error:#}")))
}

/// What is compiled under these settings fits with a pool and without.
fn settings(pool: Option<PoolingAllocationConfig>) -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    // The plugin API is sync-typed: most of this year's wasmtime advisories are unreachable so.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    // Places in a component's bytes, and tables for debuggers: nobody is shown either.
    config.generate_address_map(false).native_unwind_info(false);
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Everything follows from one number: how many instances of each world may live.
fn pool(config: &Config) -> PoolingAllocationConfig {
    let worlds = 1 + u32::try_from(config.policies.len().max(1)).unwrap_or(u32::MAX - 1);
    let instances = config.max_instances.saturating_mul(worlds);
    let own = config.plugin.values().filter_map(|plugin| plugin.limits.get("memory")?.as_u64()?.try_into().ok());
    let memory = own.chain([config.driver_limits.memory, config.policy_limits.memory]).max();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // It is only a count: what a component consists of takes no room of its own.
        .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_tables_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(4)
        .max_memory_size(memory.unwrap_or(0))
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_TABLE)
        // From Linux 6.7 on only the pages that the guest wrote to are reset, not the whole kept part.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// One thread for all stores. It ends with the engine.
fn tick(engine: wasmtime::EngineWeak) {
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    #[test]
    fn what_the_compiler_makes_fits_with_and_without_a_pool() {
        let fit = |engine: &Engine| {
            let mut fit = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut fit);
            fit.finish()
        };
        let pooled = Engine::new(&settings(Some(pool(&Config { max_instances: 1, ..Config::default() }))));
        let compiling = compiling().expect("it starts");
        assert_eq!(fit(&pooled.expect("there is room for one")), fit(&compiling));
    }
}
