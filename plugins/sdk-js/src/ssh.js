/**
 * Sessions with the job's own target.
 *
 * The daemon dials, verifies the host key, logs in and enforces every deadline; a driver says in what order and what to
 * run. There is no way to name another server.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { bytes, decoded, longIfAny, pairs, text, texts, whole, wholeIfAny } from "./values.js";
import * as daemon from "#daemon/ssh";

/** @typedef {import("./secrets.js").Secret} Secret */

/**
 * Ways to log in (RFC 4252). Each makes one of the list that `Session.connect` tries in order.
 *
 * @typedef {{tag: string, val?: object}} Authentication
 */

/** `password`, and `keyboard-interactive` where the server offers only that. @param {Secret} secret */
export function password(secret) {
    return { tag: "password", val: open(secret) };
}

/**
 * `publickey`, with a key given as text.
 *
 * @param {Secret} secret The key: OpenSSH, PKCS#1, PKCS#8 or SEC1.
 * @param {{passphrase?: Secret, certificate?: string}} [how] What decrypts it; the user certificate for it.
 */
export function key(secret, { passphrase, certificate } = {}) {
    return { tag: "key", val: { text: open(secret), passphrase: openIfAny(passphrase), certificate } };
}

/**
 * `publickey`, with a key in a file of the daemon's.
 *
 * @param {string} path
 * @param {{passphrase?: Secret}} [how] What decrypts it.
 */
export function keyFile(path, { passphrase } = {}) {
    return { tag: "key-file", val: { path: text(path, "path"), passphrase: openIfAny(passphrase) } };
}

/** `publickey`, with the keys of the daemon's agent, if the operator allows that. */
export const agent = { tag: "agent" };

/** `publickey`, with the daemon's default keys, if the operator allows that. */
export const defaultKeys = { tag: "default-keys" };

/**
 * How to connect. A deadline that is left out is the operator's.
 *
 * @typedef {object} ConnectOptions
 * @property {Authentication[][]} [jumps] The ways to log in to each of the target's jump hosts.
 * @property {string} [hostKeyPolicy] `reject` (the default): the key must be on record; `auto_add`: a first key is
 *     recorded; `warning`: an unknown key is accepted and reported. All refuse a changed or revoked key.
 * @property {string[]} [hostKeys] Keys that the target may show, instead of those on record: `SHA256:…` or public keys.
 * @property {boolean} [compress] Whether to ask for compression.
 * @property {number} [keepaliveMs] Silence after which the server is asked whether it is alive.
 * @property {boolean} [reuse] Whether the session may be one that an equal request left open, and stays open.
 * @property {boolean} [bulk] Whether it is to move files.
 * @property {number} [connectTimeoutMs] Name look-up and TCP.
 * @property {number} [bannerTimeoutMs] From TCP to the end of the key exchange.
 * @property {number} [authTimeoutMs] Authentication, all methods together.
 */

/**
 * A command and what belongs to it. The daemon makes every wrapper around it.
 *
 * @typedef {object} Exec
 * @property {string} command Goes to the login shell as it is.
 * @property {Record<string, string>} [environment] Variables for this command only.
 * @property {string} [workingDirectory] Where it starts. Left out: the user's home.
 * @property {{user?: string, password?: Secret}} [elevate] As whom it runs, by sudo: `root` unless it says otherwise.
 * @property {boolean} [pty] Whether it gets a terminal; standard error is then part of standard output.
 * @property {string | Uint8Array} [stdin] What it reads. Left out: nothing, its standard input is closed.
 * @property {Record<string, string>} [answers] What to type, with a newline, whenever it shows one of these texts.
 * @property {number} [eventSize] Bytes that an event of its output holds at most; 1 for lines, 0 for what comes.
 * @property {number} [timeoutMs] Wall clock. At its end the remote process is stopped.
 */

/** A command that ended. The daemon keeps the whole output. */
export class Run {
    constructor(run) {
        /** What an item of the driver's result refers to. @type {number} */
        this.id = run.id;
        /** Its exit status, if it returned one. @type {number | undefined} */
        this.exitStatus = run.exitStatus ?? undefined;
        /** The signal that ended it, without `SIG`. @type {string | undefined} */
        this.exitSignal = run.exitSignal ?? undefined;
        /** The first 64 KiB of standard output. @type {Uint8Array} */
        this.stdoutBytes = run.stdout;
        /** The first 64 KiB of standard error. @type {Uint8Array} */
        this.stderrBytes = run.stderr;
        /** Bytes written to standard output. @type {number} */
        this.stdoutSize = Number(run.stdoutSize);
        /** Bytes written to standard error. @type {number} */
        this.stderrSize = Number(run.stderrSize);
    }

    /** The first 64 KiB of standard output as text. @returns {string} */
    get stdout() {
        return decoded(this.stdoutBytes);
    }

    /** The first 64 KiB of standard error as text. @returns {string} */
    get stderr() {
        return decoded(this.stderrBytes);
    }
}

/** One authenticated connection to the job's target. Close it, or declare it with `using`. */
export class Session extends Handle {
    /**
     * Connects and logs in, trying the methods in the order given. Errors: `unknown-host`, `refused`, `unreachable`,
     * `timeout`, `host-key-changed`, `host-key-unknown`, `host-key-revoked`, `bad-key`, `auth-failed`, `protocol`,
     * `denied`, `limit`.
     *
     * @param {Authentication[]} authentication
     * @param {ConnectOptions} [options]
     * @returns {Session}
     */
    static connect(authentication, options = {}) {
        const asked = {
            hostKeyPolicy: text(options.hostKeyPolicy ?? "reject", "hostKeyPolicy"),
            hostKeys: texts(options.hostKeys ?? [], "hostKeys"),
            compress: options.compress === true,
            keepaliveMs: wholeIfAny(options.keepaliveMs, "keepaliveMs"),
            reuse: options.reuse === true,
            bulk: options.bulk === true,
            connectTimeoutMs: wholeIfAny(options.connectTimeoutMs, "connectTimeoutMs"),
            bannerTimeoutMs: wholeIfAny(options.bannerTimeoutMs, "bannerTimeoutMs"),
            authTimeoutMs: wholeIfAny(options.authTimeoutMs, "authTimeoutMs"),
        };
        const ways = authentication.map(way);
        const jumps = (options.jumps ?? []).map((leg) => leg.map(way));
        return new Session(ask(() => daemon.Session.connect(ways, jumps, asked)), "session");
    }

    /**
     * Runs a command to its end. A status other than 0 is no error. Errors: `timeout`, `connection-lost`,
     * `exec-refused`, `denied`, `invalid-request`.
     *
     * @param {string | Exec} exec
     * @returns {Run}
     */
    run(exec) {
        const session = Handle.lent(this);
        const wanted = typeof exec === "string" ? { command: exec } : exec;
        const asked = {
            command: text(wanted.command, "command"),
            environment: pairs(wanted.environment, "environment"),
            workingDirectory: wanted.workingDirectory,
            elevate: elevation(wanted.elevate),
            pty: wanted.pty === true,
            stdin: wanted.stdin == null ? undefined : bytes(wanted.stdin, "stdin"),
            answers: pairs(wanted.answers, "answers"),
            eventSize: whole(wanted.eventSize ?? 0, "eventSize"),
            timeoutMs: longIfAny(wanted.timeoutMs, "timeoutMs"),
        };
        return new Run(ask(() => session.run(asked)));
    }
}

/** A secret that is still open. */
function open(secret) {
    Handle.lent(secret);
    return secret;
}

function openIfAny(secret) {
    return secret == null ? undefined : open(secret);
}

/** A way to log in, as the daemon takes it. Its secrets may have been closed since it was made. */
function way({ tag, val }) {
    switch (tag) {
        case "password":
            return { tag, val: Handle.lent(val) };
        case "key":
            return { tag, val: { ...val, text: Handle.lent(val.text), passphrase: Handle.lentIfAny(val.passphrase) } };
        case "key-file":
            return { tag, val: { ...val, passphrase: Handle.lentIfAny(val.passphrase) } };
        default:
            return { tag };
    }
}

/** Another user's rights, as the daemon takes them. Not for plugins. */
export function elevation(elevate) {
    if (elevate == null) return undefined;
    return { user: text(elevate.user ?? "root", "elevate.user"), password: Handle.lentIfAny(elevate.password) };
}
