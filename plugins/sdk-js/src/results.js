/**
 * Results that a driver makes itself, because no command of `Session.run` stands behind them.
 *
 * @module
 */

import { ask } from "./handle.js";
import { bytes, text, wholeIfAny } from "./values.js";
import * as daemon from "#daemon/results";

/**
 * Keeps a result. It counts as a run. Errors: `limit`, `denied`.
 *
 * @param {string} command What it is the result of.
 * @param {string | Uint8Array} output What came of it.
 * @param {number} [exitStatus] Whether it worked, as a command would say it.
 * @returns {number} What an item of the driver's result refers to.
 */
export function keep(command, output, exitStatus) {
    const made = {
        command: text(command, "command"),
        output: bytes(output, "output"),
        exitStatus: wholeIfAny(exitStatus, "exitStatus"),
    };
    return ask(() => daemon.keep(made));
}
