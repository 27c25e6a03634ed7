/**
 * Drivers: what may be asked of a kind of server, and how it is carried out.
 *
 * ```js
 * import { Driver, driver } from "hostler-sdk/driver";
 *
 * class Nothing extends Driver {
 *     static description = {
 *         name: "nothing",
 *         version: "0.1.0",
 *         summary: "Does nothing.",
 *         connectionSchema: { type: "object" },
 *         driverSchema: { type: "object" },
 *     };
 *
 *     validate(request) {
 *         return { target: { host: "localhost", user: "nobody" } };
 *     }
 *
 *     execute(job) {
 *         return [];
 *     }
 * }
 *
 * export const driving = driver(Nothing);
 * ```
 *
 * @module
 */

import * as clock from "./clock.js";
import { HostlerError } from "./errors.js";
import * as globals from "#globals";
import { orError, orProblems } from "./guard.js";
import { Handle } from "./handle.js";
import { readJob, readRequest } from "./job.js";
import * as random from "./random.js";
import { json, text, texts, whole } from "./values.js";

/**
 * Who the driver is and what it takes.
 *
 * @typedef {object} Description
 * @property {string} name The name that requests call it by, as in plugin.toml.
 * @property {string} version Its own version, as in plugin.toml.
 * @property {string} summary One sentence.
 * @property {object} connectionSchema JSON Schema (draft 2020-12) of `connection_args`. `writeOnly` marks a secret.
 * @property {object} driverSchema JSON Schema of `driver_args`.
 */

/** @typedef {import("./job.js").Target} Target */
/** @typedef {import("./job.js").Request} Request */
/** @typedef {import("./job.js").Job} Job */

/**
 * A request with defaults filled in.
 *
 * @typedef {object} Normalised
 * @property {Target} target The server the job is for. The daemon lets the job reach no other.
 * @property {Request} [request] The request as it will be carried out. Left out: as it came.
 * @property {string[]} [warnings] What the client should know, one sentence each.
 */

/**
 * One entry of the job's result.
 *
 * @typedef {object} Item
 * @property {string} command What it is the result of: usually the command.
 * @property {number | {id: number}} run Which run it shows: one of `Session.run`, or what `results.keep` gave.
 */

/** A driver. Every job gets one of its own. Methods may be `async`, though nothing here has to be awaited. */
export class Driver {
    /** @type {Description} */
    static description;

    /**
     * Checks what the schemas cannot say, and fills in defaults. What it returns must pass a second call unchanged,
     * because a policy may amend the request in between. The daemon lends nothing here. To refuse, throw `Invalid`.
     *
     * @param {Request} _request
     * @returns {Normalised}
     */
    validate(_request) {
        throw new Error("the driver has no method validate");
    }

    /**
     * Carries the job out, and says which run shows what. To fail, throw `HostlerError`: the runs that ended before stay
     * in the job's result.
     *
     * @param {Job} _job
     * @returns {Item[]}
     */
    execute(_job) {
        throw new Error("the driver has no method execute");
    }

    /**
     * Connects as `execute` would, and does nothing else: for a look at the target, and for what the daemon itself does
     * there.
     *
     * @param {Job} _job
     * @returns {import("./ssh.js").Session}
     */
    connect(_job) {
        throw new HostlerError("unsupported", "plugin", "This driver cannot connect without a job: submit one.");
    }
}

/**
 * Makes a class the driver of a plugin: `export const driving = driver(Nothing);`
 *
 * @param {typeof Driver} Driven
 */
export function driver(Driven) {
    globals.replace(clock.now, random.bytes);
    const description = described(Driven.description);
    let made;
    const ours = () => (made ??= new Driven());
    return {
        describe: () => description,
        validate: (request) => orProblems(async () => normalised(request, await ours().validate(readRequest(request)))),
        execute: (job) => orError(async () => items(await ours().execute(readJob(job)))),
        connect: (job) => orError(async () => Handle.handOver(await ours().connect(readJob(job)))),
    };
}

function described(description) {
    const { name, version, summary, connectionSchema, driverSchema } = description ?? {};
    return {
        name: text(name, "description.name"),
        version: text(version, "description.version"),
        summary: text(summary, "description.summary"),
        connectionSchema: json(connectionSchema, "description.connectionSchema"),
        driverSchema: json(driverSchema, "description.driverSchema"),
    };
}

function normalised(given, answer) {
    const { target, request, warnings = [] } = answer ?? {};
    const asked = request ?? readRequest(given);
    const lines = (value, what) => (value == null ? undefined : texts(value, what));
    return {
        target: { ...hop(target, "target"), jumps: (target.jumps ?? []).map((jump) => hop(jump, "jumps")) },
        request: {
            command: lines(asked.command, "command"),
            config: lines(asked.config, "config"),
            connectionArgs: json(asked.connectionArgs, "connectionArgs"),
            driverArgs: json(asked.driverArgs, "driverArgs"),
            secrets: given.secrets,
        },
        warnings: texts(warnings, "warnings"),
    };
}

function hop(server, what) {
    if (typeof server !== "object" || server === null) throw new TypeError(`${what} must be an object`);
    const { host, port = 22, user } = server;
    return { host: text(host, `${what}.host`), port: whole(port, `${what}.port`, 16), user: text(user, `${what}.user`) };
}

function items(answer) {
    if (!Array.isArray(answer)) throw new TypeError("execute must return a list of items");
    return answer.map(({ command, run }) => ({ command: text(command, "command"), run: whole(run?.id ?? run, "run") }));
}
