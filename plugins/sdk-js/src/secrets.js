/**
 * Values that a driver may use but not see.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { text } from "./values.js";
import * as daemon from "#daemon/secrets";

/** A secret of the job's request, to be handed to what takes one. Close it, or declare it with `using`. */
export class Secret extends Handle {
    /** Where it stands in the request. @returns {string} */
    path() {
        return Handle.lent(this).path();
    }
}

/**
 * The secret at a path such as `connection_args.password`; `request.secrets` names those that were given. Errors:
 * `not-found`, `limit` (too many open handles).
 *
 * @param {string} path
 * @returns {Secret}
 */
export function get(path) {
    text(path, "path");
    return new Secret(ask(() => daemon.get(path)), "secret");
}

/**
 * The same, or `undefined` if the client gave none.
 *
 * @param {{secrets: string[]}} request
 * @param {string} path
 * @returns {Secret | undefined}
 */
export function given(request, path) {
    return request.secrets.includes(path) ? get(path) : undefined;
}
