/**
 * The time, for drivers. `Date` asks here too. A policy gets the time as `context.now`.
 *
 * @module
 */

import { ask } from "./handle.js";
import { whole } from "./values.js";
import * as daemon from "#daemon/clock";

/** The time: milliseconds since 1970 in UTC. It can be set, and so go back. @returns {number} */
export function now() {
    return Number(daemon.nowMs());
}

/**
 * Waits, and no longer than the job has. Errors: `timeout` (the job's time is up), `canceled`, `denied` (only `execute`
 * and `connect` may wait).
 *
 * @param {number} ms Milliseconds.
 */
export function sleep(ms) {
    whole(ms, "ms");
    ask(() => daemon.sleep(ms));
}
