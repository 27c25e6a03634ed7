/**
 * Whole files and folders, moved by the daemon between its own machine and the job's target.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { longIfAny, text, wholeIfAny } from "./values.js";
import * as daemon from "#daemon/transfer";

/**
 * How to move.
 *
 * @typedef {object} Options
 * @property {boolean} [recursive] Whether it may be a folder, with all that is in it.
 * @property {boolean} [overwrite] Whether a file that exists may be replaced: yes, unless it says `false`.
 * @property {boolean} [resume] Whether to continue what an earlier transfer left.
 * @property {string} [compare] Which files are left alone: `never` (the default), `size-and-time`, `sha256` or `md5`.
 * @property {string} [links] What becomes of symbolic links in a folder: `copy` (the default), `follow`, `skip`.
 * @property {string} [verify] The hash by which both sides are compared afterwards: `sha256` or `md5`.
 * @property {number} [requestSize] Bytes that one request carries.
 * @property {number} [mode] Permissions that the files get: the lower twelve bits of a mode.
 * @property {boolean} [makeFolders] Whether missing folders above the target are made.
 * @property {boolean} [inPlace] Whether to write into the target itself instead of a part file.
 * @property {boolean} [durable] Whether to wait until the content is on the disk.
 * @property {number} [timeoutMs] Wall clock for all of it.
 */

/**
 * A transfer that came to its end. Sizes are bytes of content.
 *
 * @typedef {object} Moved
 * @property {number} id What an item of the driver's result refers to.
 * @property {number} files Files that were moved.
 * @property {number} skipped Files that were left alone because they were the same already.
 * @property {number} failed Files, folders and links that could not be moved.
 * @property {number} bytes What was sent for it.
 * @property {number} total What all files that were moved or skipped hold.
 * @property {number} resumed What an earlier transfer had left and proved to be the same.
 * @property {string} [restarted] Why what an earlier transfer had left was not continued.
 * @property {boolean} atomic Whether each target changed at once, or was the same already.
 * @property {number} requestSize What one request carried at most.
 * @property {string} [hash] The hash that both sides have, in hexadecimal, where one file was to be compared.
 */

/**
 * Moves to the server. Errors: `invalid-request`, `denied`, `not-found`, `permission-denied`, `transfer-failed`,
 * `unsupported`, `exec-refused`, `limit`, `timeout`, `connection-lost`, `protocol`, `canceled`.
 *
 * @param {import("./ssh.js").Session} session
 * @param {import("./local-files.js").LocalFile} local
 * @param {string} remote
 * @param {Options} [options]
 * @returns {Moved}
 */
export function upload(session, local, remote, options) {
    const [from, to, how] = [Handle.lent(local), text(remote, "remote"), asked(options)];
    const lent = Handle.lent(session);
    return counted(ask(() => daemon.upload(lent, from, to, how)));
}

/**
 * Moves from the server. Errors: those of `upload`.
 *
 * @param {import("./ssh.js").Session} session
 * @param {string} remote
 * @param {import("./local-files.js").LocalFile} local
 * @param {Options} [options]
 * @returns {Moved}
 */
export function download(session, remote, local, options) {
    const [from, to, how] = [text(remote, "remote"), Handle.lent(local), asked(options)];
    const lent = Handle.lent(session);
    return counted(ask(() => daemon.download(lent, from, to, how)));
}

function asked(options = {}) {
    return {
        recursive: options.recursive === true,
        overwrite: options.overwrite !== false,
        resume: options.resume === true,
        compare: text(options.compare ?? "never", "compare"),
        links: text(options.links ?? "copy", "links"),
        verify: options.verify,
        requestSize: wholeIfAny(options.requestSize, "requestSize"),
        mode: wholeIfAny(options.mode, "mode"),
        makeFolders: options.makeFolders === true,
        inPlace: options.inPlace === true,
        durable: options.durable === true,
        timeoutMs: longIfAny(options.timeoutMs, "timeoutMs"),
    };
}

function counted(moved) {
    const plain = ([name, value]) => [name, typeof value === "bigint" ? Number(value) : value];
    return Object.fromEntries(Object.entries(moved).map(plain));
}
