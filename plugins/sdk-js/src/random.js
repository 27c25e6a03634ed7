/**
 * Random numbers, for drivers. `Math.random` and `crypto` ask here too.
 *
 * @module
 */

import { whole } from "./values.js";
import * as daemon from "#daemon/random";

/**
 * So many bytes of the daemon's system, fit for keys.
 *
 * @param {number} count At most 65,535.
 * @returns {Uint8Array}
 */
export function bytes(count) {
    return daemon.bytes(whole(count, "count", 16));
}
