//! A detached task as the dialect shows it.

use crate::dialect::exception::exit_status;
use crate::dialect::time::iso;
use hostler_model::{JobId, Task, TaskId, TaskSlice, TaskState};
use serde::Serialize;
use serde_json::{Value, json};

/// A detached task, with the fields of `NetPulse`, and what it does not tell. It holds no secret.
#[derive(Serialize)]
pub(super) struct TaskView<'a> {
    task_id: &'a TaskId,
    command: &'a [String],
    host: &'a str,
    driver: &'a str,
    status: TaskState,
    last_sync: Option<String>,
    created_at: String,
    /// Seconds.
    push_interval: Option<u64>,
    last_offset: u64,
    connection_args: Value,
    pid: Option<u32>,
    log_file: Option<&'a str>,
    exit_status: Option<i64>,
    job_id: Option<JobId>,
}

impl<'a> From<&'a Task> for TaskView<'a> {
    fn from(task: &'a Task) -> Self {
        let target = &task.target;
        Self {
            task_id: &task.id,
            command: &task.command,
            host: &target.host,
            driver: &task.driver,
            status: task.state,
            last_sync: task.asked_at.map(iso),
            created_at: iso(task.created_at),
            push_interval: task.push_interval.map(|interval| interval.as_secs()),
            last_offset: task.next_offset,
            connection_args: json!({"host": target.host, "port": target.port, "username": target.user}),
            pid: task.pid,
            log_file: task.log_file.as_deref(),
            exit_status: task.exit.as_ref().map(exit_status),
            job_id: task.job,
        }
    }
}

/// A part of the log of a task: as the server of `NetPulse` tells it, in `result`, and as its SDK reads it, at the top.
pub(super) fn slice(slice: &TaskSlice) -> Value {
    let TaskSlice { task, output, next_offset, completed, .. } = slice;
    // Clients read on as long as it runs, so it runs until there is nothing to be read any more.
    let is_running = !completed;
    json!({
        "task_id": task.id,
        "status": task.state,
        "result": [item(slice, is_running, 0)],
        "output": String::from_utf8_lossy(output),
        "is_running": is_running,
        "next_offset": next_offset,
        "completed": completed,
        "pid": task.pid,
        "exit_status": task.exit.as_ref().map(exit_status),
    })
}

/// The same as the item of a result, with this `exit_status`.
pub(in crate::dialect) fn item(slice: &TaskSlice, is_running: bool, status: i64) -> Value {
    let TaskSlice { task, offset, output, next_offset, completed } = slice;
    json!({
        "command": "query",
        "stdout": String::from_utf8_lossy(output),
        "stderr": "",
        "exit_status": status,
        "download_url": null,
        "metadata": {
            "host": task.target.host,
            "task_id": task.id,
            "is_running": is_running,
            "pid": task.pid,
            "offset": offset,
            "next_offset": next_offset,
            "completed": completed,
            "exit_status": task.exit.as_ref().map(exit_status),
        },
        "parsed": null,
    })
}

/// A task that was found on its target.
pub(super) fn found(task: &Task) -> Value {
    json!({
        "task_id": task.id,
        "command": task.command,
        "host": task.target.host,
        "driver": task.driver,
        "pid": task.pid,
        "status": task.state,
        "log_file": task.log_file,
        "exit_status": task.exit.as_ref().map(exit_status),
    })
}
