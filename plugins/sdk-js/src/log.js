/**
 * Lines for the daemon's log, under the plugin's name and the job's id; and sentences for the client.
 *
 * The daemon cuts out the job's secrets, and drops lines beyond the plugin's budget. `console.log` and its relatives
 * write here too.
 *
 * @module
 */

import * as daemon from "#daemon/events";

/** Something that keeps the plugin from doing its work. */
export function error(message) {
    daemon.log("error", String(message));
}

/** Something that the operator should look at. */
export function warn(message) {
    daemon.log("warn", String(message));
}

/** Something worth knowing. */
export function info(message) {
    daemon.log("info", String(message));
}

/** Something for the plugin's author. */
export function debug(message) {
    daemon.log("debug", String(message));
}

/** Every step. */
export function trace(message) {
    daemon.log("trace", String(message));
}

/** One sentence for the client, who reads it among the warnings of the job. */
export function tell(message) {
    daemon.tell(String(message));
}
