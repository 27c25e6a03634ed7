//! Commands that go on when their job has ended: `run_in_background`, as 0.3 called it.

use crate::dialect::enveloped::order::Order;
use crate::dialect::fault::Fault;
use crate::dialect::fields;

const RUN: &str = "run_in_background";

/// Files on the target. The daemon chooses them itself, where nobody else can lay links.
const FILES: [&str; 2] = ["background_output_file", "background_pid_file"];

/// Takes what is asked out of `driver_args`: the commands become a detached task.
pub(super) fn read(order: &mut Order) -> Result<(), Fault> {
    let run = order.take_driver_arg(RUN).map(|value| fields::yes(RUN, value)).transpose();
    let run = run.map_err(|fault| fault.within(["body", "driver_args"]))?.unwrap_or_default();
    for name in FILES {
        if order.take_driver_arg(name).is_some() {
            let why = if run { "background_task tells which file it is" } else { "run_in_background is not true" };
            order.warn(format!("driver_args.{name} was ignored: {why}"));
        }
    }
    if run && !order.knows_driver_arg("detach") {
        let msg = format!("`{RUN}` needs a driver that can `detach`, which {} cannot: leave it out", order.driver());
        return Err(Fault::new(["body", "driver_args", RUN], "unsupported", msg));
    }
    order.detach = run;
    Ok(())
}
