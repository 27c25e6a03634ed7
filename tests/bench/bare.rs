//! What a guest costs in plain wasmtime.

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Val};
use wasmtime::error::Context;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

/// A guest in plain wasmtime, pooled like ours, with no limit and no capability.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    describe: ComponentExportIndex,
}

impl Bare {
    pub(crate) fn new(guest: &str) -> wasmtime::Result<Self> {
        let mut config = wasmtime::Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(256 << 10).table_keep_resident(64 << 10);
        config.concurrency_support(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, format!("{}/{guest}.wasm", env!("TEST_GUESTS")))?;
        let interface = component.get_export_index(None, "hostler:plugin/driving@0.1.0");
        let describe = component.get_export_index(interface.as_ref(), "describe");
        let describe = describe.context("the guest does not export `describe`")?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre, describe })
    }

    pub(crate) async fn life(&self) -> wasmtime::Result<()> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.pre.instantiate_async(&mut store).await?;
        let describe = instance.get_func(&mut store, self.describe).context("the guest does not export `describe`")?;
        for _ in 0..2 {
            describe.call_async(&mut store, &[], &mut [Val::Bool(false)]).await?;
        }
        Ok(())
    }
}
