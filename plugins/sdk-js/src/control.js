/**
 * How the job stands that a driver carries out. When its time is up, or it is canceled, every call that acts fails with
 * `timeout` or `canceled`; ten seconds later the plugin is ended.
 *
 * @module
 */

import * as daemon from "#daemon/control";

/** Milliseconds until the job's time is up. @returns {number} */
export function timeLeftMs() {
    return Number(daemon.timeLeftMs());
}

/** Whether somebody canceled the job. @returns {boolean} */
export function canceled() {
    return daemon.canceled();
}
