/**
 * Between the daemon and an author's code: whatever is thrown becomes an answer. Not for plugins.
 *
 * What is thrown past an export ends the plugin without a word.
 *
 * @module
 */

import { HostlerError, Invalid, problem } from "./errors.js";
import * as log from "./log.js";
import { text, texts } from "./values.js";

/** Letters of an exception's message that the client gets. */
const LONGEST = 1000;

/** Lines of its stack that are logged. */
const DEEPEST = 20;

/** What `execute` and `connect` answer. */
export async function orError(work) {
    try {
        return { tag: "ok", val: await work() };
    } catch (thrown) {
        return { tag: "err", val: asError(first(thrown)) };
    }
}

/** What `validate` and `check-settings` answer. */
export async function orProblems(work) {
    try {
        return { tag: "ok", val: await work() };
    } catch (thrown) {
        return { tag: "err", val: asProblems(first(thrown)) };
    }
}

/** Logs an exception with its stack, and gives one sentence for the client. */
export function report(thrown) {
    let what;
    try {
        what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
        log.error([what, ...stack(thrown)].join("\n"));
    } catch {
        what = "something that cannot even be shown";
    }
    return `The plugin failed, tell its author: ${what.length > LONGEST ? `${what.slice(0, LONGEST)}…` : what}`;
}

/** Without what the build put around the plugin. */
function stack(thrown) {
    const lines = String(thrown?.stack ?? "").split("\n");
    return lines.filter((line) => line && !line.includes("/initializer.js:")).slice(0, DEEPEST);
}

/** Where what `using` closes throws as well, the engine puts what the work threw inside: that is worth more. */
function first(thrown) {
    while (thrown?.name === "SuppressedError") thrown = thrown.suppressed;
    return thrown;
}

function asError(thrown) {
    if (thrown instanceof HostlerError) {
        try {
            return {
                kind: text(thrown.kind, "kind"),
                phase: text(thrown.phase, "phase"),
                message: text(thrown.message, "message"),
            };
        } catch (wrong) {
            thrown = wrong;
        }
    }
    // What the engine throws when it gets no more memory is a mere text.
    const kind = thrown === "out of memory" ? "limit" : "exception";
    return { kind, phase: "plugin", message: report(thrown) };
}

function asProblems(thrown) {
    if (thrown instanceof Invalid) {
        try {
            return thrown.problems.map(({ path, code, message }) => ({
                path: texts(path, "path"),
                code: text(code, "code"),
                message: text(message, "message"),
            }));
        } catch (wrong) {
            thrown = wrong;
        }
    }
    return [problem([], "exception", report(thrown))];
}
