/**
 * What goes wrong, as the daemon and clients understand it.
 *
 * @module
 */

/** Why something could not be done. Throw it from `execute` and `connect`; whatever the daemon refuses throws it too. */
export class HostlerError extends Error {
    /**
     * @param {string} kind A stable word in kebab case, such as `auth-failed`, `timeout`, `denied`, or one of your own.
     * @param {string} phase `validate`, `connect`, `auth`, `exec`, `transfer`, `plugin`, …
     * @param {string} message One sentence that tells the person what to do. Never holds a secret.
     */
    constructor(kind, phase, message) {
        super(message);
        this.name = "HostlerError";
        this.kind = kind;
        this.phase = phase;
    }
}

/**
 * One thing that is wrong with a request or with settings.
 *
 * @typedef {object} Problem
 * @property {string[]} path Field names and indices from the top, such as `["connection_args", "port"]`.
 * @property {string} code A stable word, such as `missing` or `value_error`.
 * @property {string} message One sentence that tells the person what to do.
 */

/** A request, or settings, that cannot be used. Throw it from `validate`, and from the constructor of a policy. */
export class Invalid extends Error {
    /** @param {Problem[]} problems All that is wrong. */
    constructor(...problems) {
        super(problems.map((problem) => `${problem.path.join(".")}: ${problem.message}`).join("\n"));
        this.name = "Invalid";
        this.problems = problems;
    }
}

/**
 * @param {(string | number)[]} path Field names and indices from the top.
 * @param {string} code A stable word, such as `missing` or `value_error`.
 * @param {string} message One sentence that tells the person what to do.
 * @returns {Problem}
 */
export function problem(path, code, message) {
    return { path: path.map(String), code, message };
}
