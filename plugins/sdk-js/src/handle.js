/**
 * Between this SDK and what the daemon lends. Not for plugins.
 *
 * Using a handle that was given back ends the plugin at once, and JavaScript never gives one back by itself: so each is
 * kept in a class that knows whether it is still there, and that `using` closes.
 *
 * @module
 */

import { HostlerError } from "./errors.js";
import * as log from "./log.js";

/** What `using` calls. Older tools for tests know it by another name. */
export const dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** Asks the daemon. What it refuses becomes a `HostlerError`. */
export function ask(question) {
    try {
        return question();
    } catch (error) {
        const refusal = error?.payload;
        if (typeof refusal?.kind !== "string") throw error;
        throw new HostlerError(refusal.kind, refusal.phase, refusal.message);
    }
}

/** Something that the daemon lends. */
export class Handle {
    #lent;
    #what;

    constructor(lent, what) {
        this.#lent = lent;
        this.#what = what;
    }

    /** What the daemon lent, to hand it to the daemon. */
    static lent(handle) {
        if (!(handle instanceof Handle)) throw new TypeError(`a handle of the daemon is wanted, not ${typeof handle}`);
        if (handle.#lent === undefined) {
            throw new HostlerError("closed", "plugin", `The ${handle.#what} was closed before; open another one.`);
        }
        return handle.#lent;
    }

    /** The same of one that may be absent. */
    static lentIfAny(handle) {
        return handle == null ? undefined : Handle.lent(handle);
    }

    /** Has it change hands: it is of no use here any more. */
    static handOver(handle) {
        const lent = Handle.lent(handle);
        handle.#lent = undefined;
        return lent;
    }

    /** Gives it back. Doing so twice is no error. */
    close() {
        const lent = this.#lent;
        if (lent === undefined) return;
        this.#lent = undefined;
        try {
            if (lent.close) ask(() => lent.close());
        } finally {
            lent[dispose]();
        }
    }

    /** What `using` does: that something did not end well is no error of the work that was done with it. */
    [dispose]() {
        try {
            this.close();
        } catch (error) {
            log.warn(error.message);
        }
    }
}
