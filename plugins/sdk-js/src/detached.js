/**
 * Commands that go on when their job has ended.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { Run, elevation } from "./ssh.js";
import { bytes, pairs, texts } from "./values.js";
import * as daemon from "#daemon/detached";

/**
 * What goes on by itself.
 *
 * @typedef {object} Task
 * @property {string[]} commands Commands for the login shell, one after the other.
 * @property {boolean} [stopOnError] Whether one that fails is the last: yes, unless it says `false`.
 * @property {Record<string, string>} [environment] Variables for them.
 * @property {string} [workingDirectory] Where they start. Left out: the user's home.
 * @property {{user?: string, password?: import("./secrets.js").Secret}} [elevate] As whom they run, by sudo.
 * @property {string | Uint8Array} [stdin] What the first of them reads: text.
 */

/**
 * Starts it, and returns when it runs. A job launches one task, and only where its request asks for that. Errors:
 * `denied`, `invalid-request`, `limit`, `timeout`, `connection-lost`, `exec-refused`, `elevation-failed`, `unsupported`.
 *
 * @param {import("./ssh.js").Session} session
 * @param {Task} task
 * @returns {Run}
 */
export function launch(session, task) {
    const lent = Handle.lent(session);
    const asked = {
        commands: texts(task.commands, "commands"),
        stopOnError: task.stopOnError !== false,
        environment: pairs(task.environment, "environment"),
        workingDirectory: task.workingDirectory,
        elevate: elevation(task.elevate),
        stdin: task.stdin == null ? undefined : bytes(task.stdin, "stdin"),
    };
    return new Run(ask(() => daemon.launch(lent, asked)));
}
