/**
 * Policies: whether a job, and each action of it, may happen.
 *
 * ```js
 * import { Policy, allow, deny, policy } from "hostler-sdk/policy";
 *
 * class NoReboot extends Policy {
 *     static description = {
 *         name: "no-reboot",
 *         version: "0.1.0",
 *         summary: "Lets nobody reboot.",
 *         settingsSchema: { type: "object", additionalProperties: false },
 *     };
 *
 *     authorize(context, { kind, details }) {
 *         switch (kind) {
 *             case "connect":
 *                 return allow;
 *             case "exec": {
 *                 const { command, stdin, answers } = details;
 *                 const given = [command, stdin, ...answers.flat()].join("\n");
 *                 return /\breboot\b/.test(given) ? deny("no-reboot", "Nobody reboots.") : allow;
 *             }
 *             default:
 *                 return deny("cannot-judge", `This policy does not know actions of the kind \`${kind}\`.`);
 *         }
 *     }
 * }
 *
 * export const judging = policy(NoReboot);
 * ```
 *
 * @module
 */

import * as globals from "#globals";
import { orProblems, report } from "./guard.js";
import { readJob } from "./job.js";
import { refusing } from "./refusing.js";
import { json, text } from "./values.js";

/** @typedef {import("./job.js").Job} Job */
/** @typedef {import("./job.js").Target} Target */

/**
 * Who the policy is and what its settings are.
 *
 * @typedef {object} Description
 * @property {string} name The name that the configuration calls it by, as in plugin.toml.
 * @property {string} version Its own version, as in plugin.toml.
 * @property {string} summary One sentence.
 * @property {object} settingsSchema JSON Schema (draft 2020-12) of the settings.
 */

/**
 * What a policy knows besides the question.
 *
 * @typedef {object} Context
 * @property {Date} now The time. `new Date()` tells the same.
 * @property {boolean} mayAmend Whether an amendment would be carried out.
 */

/**
 * Something a driver is about to do, after the job itself was allowed.
 *
 * @typedef {object} Action
 * @property {string} job The job's id.
 * @property {string} driver Name of the driver.
 * @property {string} kind `connect`, `exec`, `type`, `read-file`, …: wit/judging.wit lists them. Deny what you do not know.
 * @property {Target} target The server where it happens: the job's target, or for `connect` one of its jump hosts too.
 * @property {Record<string, any>} details By kind, as wit/judging.wit describes them.
 */

/**
 * What a policy says.
 *
 * @typedef {{tag: string, val?: object}} Verdict
 */

/** It may happen, as far as this policy goes. @type {Verdict} */
export const allow = { tag: "allow" };

/**
 * It may not.
 *
 * @param {string} code A stable word for the rule.
 * @param {string} reason One sentence for the client.
 * @returns {Verdict}
 */
export function deny(code, reason) {
    return { tag: "deny", val: { code: text(code, "code"), reason: text(reason, "reason") } };
}

/**
 * A job may be carried out once it is changed. The driver and all policies then judge it again. Only for `review`.
 *
 * @param {object[]} patch JSON Patch (RFC 6902) of `{"command": […], "config": […], "connection_args": {…},
 *     "driver_args": {…}}`. It may touch no secret, and the target stays what it is.
 * @param {string} reason One sentence for the client.
 * @returns {Verdict}
 */
export function amend(patch, reason) {
    return { tag: "amend", val: { patch: json(patch, "patch"), reason: text(reason, "reason") } };
}

/**
 * A policy with the operator's settings. One serves one job, and may be dropped and made again between any two questions:
 * keep nothing in it that a judgement depends on.
 */
export class Policy {
    /** @type {Description} */
    static description;

    /**
     * Reads the operator's settings, which fit the schema. What the schema cannot say it refuses by throwing `Invalid`.
     *
     * @param {Record<string, any>} settings
     */
    constructor(settings) {
        /** @type {Record<string, any>} */
        this.settings = settings;
    }

    /**
     * Judges a job before it is accepted. A policy without it allows the job, and judges its actions. An exception denies.
     *
     * @param {Context} _context
     * @param {Job} _job
     * @returns {Verdict}
     */
    review(_context, _job) {
        return allow;
    }

    /**
     * Judges an action right before it happens. An exception denies.
     *
     * @param {Context} _context
     * @param {Action} _action
     * @returns {Verdict}
     */
    authorize(_context, _action) {
        throw new Error("the policy has no method authorize");
    }
}

/** The time of the question that is being answered. */
let asked;

/**
 * Makes a class the policy of a plugin: `export const judging = policy(NoReboot);`
 *
 * @param {typeof Policy} Judge
 */
export function policy(Judge) {
    globals.replace(
        () => asked ?? refusing("There is no time in the settings: ask for it in `review` and `authorize`.")(),
        refusing("A policy has no random numbers: it says the same of the same question."),
    );
    const description = described(Judge.description);
    if (Judge.prototype.authorize === Policy.prototype.authorize) throw new TypeError("a policy needs a method authorize");
    let made;
    let from;
    const judge = (settings) => {
        // The settings are read once in an instance.
        if (made === undefined || from !== settings) {
            made = new Judge(JSON.parse(settings));
            from = settings;
        }
        return made;
    };
    return {
        describe: () => description,
        checkSettings: (settings) => orProblems(() => void judge(settings)),
        review: (context, job) =>
            verdict(context, ["allow", "deny", "amend"], (known) => judge(context.settings).review(known, readJob(job))),
        authorize: (context, action) =>
            verdict(context, ["allow", "deny"], (known) => judge(context.settings).authorize(known, readAction(action))),
    };
}

function described(description) {
    const { name, version, summary, settingsSchema } = description ?? {};
    return {
        name: text(name, "description.name"),
        version: text(version, "description.version"),
        summary: text(summary, "description.summary"),
        settingsSchema: json(settingsSchema, "description.settingsSchema"),
    };
}

function readAction(action) {
    return { ...action, details: JSON.parse(action.details) };
}

/** What is not clearly allowed is denied. */
async function verdict(context, possible, judge) {
    try {
        asked = Number(context.nowMs);
        const said = await judge({ now: new Date(asked), mayAmend: context.mayAmend });
        if (!possible.includes(said?.tag)) throw new TypeError(`the policy must answer with ${possible.join(", ")}`);
        return said;
    } catch (thrown) {
        return deny("exception", report(thrown));
    }
}
