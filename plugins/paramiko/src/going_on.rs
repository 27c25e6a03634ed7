//! Commands that go on when the job has ended.

use crate::arguments::DriverArgs;
use crate::moving::Moving;
use hostler_sdk::detached::{self, Task};
use hostler_sdk::driver::Item;
use hostler_sdk::secrets::Secret;
use hostler_sdk::ssh::{Elevation, Session};
use hostler_sdk::{Error, Request, log};

/// Launches the commands or the script of a request, after its upload if there is one.
pub(crate) fn launch(
    session: &Session,
    moving: Option<&Moving<'_>>,
    request: &Request,
    args: &DriverArgs,
    password: Option<&Secret>,
) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    let (commands, stdin) = if let Some(moving) = moving {
        items.push(moving.upload_whole(session)?);
        if moving.cleans_up() {
            log::tell("What was uploaded stays on the server: nobody knows when a detached task needs it no more.");
        }
        (vec![moving.command()], None)
    } else if let Some(script) = &args.script_content {
        (vec![args.interpreter().to_owned()], Some(script.clone().into_bytes()))
    } else {
        (request.command.clone().unwrap_or_default(), None)
    };
    let user = args.sudo_user.clone().unwrap_or_else(|| "root".into());
    let task = Task {
        commands,
        stop_on_error: args.stop_on_error == Some(true),
        environment: args.environment.clone().into_iter().flatten().collect(),
        working_directory: args.working_directory.clone(),
        elevate: args.elevates().then_some(Elevation { user, password }),
        stdin,
    };
    items.push(Item { command: "launch".into(), run: detached::launch(session, &task)?.id });
    Ok(items)
}
