/**
 * Operations on the files of the job's own target, for drivers that look before they act.
 *
 * ```js
 * using files = Sftp.open(session);
 * const motd = files.readText("/etc/motd");
 * files.write("/etc/motd", `${motd}Maintained.\n`);
 * ```
 *
 * A path has one spelling: no `..`, no `.` as a part, no `//`, no slash at its end. What a file holds comes as it is,
 * secrets included. Errors that every operation can have: `invalid-request`, `denied`, `not-found`,
 * `permission-denied`, `transfer-failed`, `unsupported`, `exec-refused`, `limit`, `timeout`, `connection-lost`,
 * `protocol`, `canceled`.
 *
 * @module
 */

import { HostlerError } from "./errors.js";
import { Handle, ask, dispose } from "./handle.js";
import { bytes, text, whole } from "./values.js";
import * as daemon from "#daemon/sftp";

/** Bytes that are read at once. */
const MOST = 1 << 20;

/**
 * What a server says about a file. Left out is what it does not say.
 *
 * @typedef {object} Attributes
 * @property {string} kind `file`, `folder`, `link` or `other`.
 * @property {number} [size] Bytes.
 * @property {number} [mode] Permissions: the lower twelve bits of a mode.
 * @property {number} [user] The owner's number.
 * @property {number} [group] The group's number.
 * @property {number} [modifiedMs] When its content changed last: milliseconds since 1970 in UTC.
 */

/** The files of a session's server. Close it, or declare it with `using`. */
export class Sftp extends Handle {
    /** Gives access to files over a session. @param {import("./ssh.js").Session} session @returns {Sftp} */
    static open(session) {
        const lent = Handle.lent(session);
        return new Sftp(ask(() => daemon.Sftp.open(lent)), "access to files");
    }

    /** What is known about a file or folder. @param {string} path @returns {Attributes} */
    stat(path) {
        return attributes(this.#ask(path, (files) => files.stat(path)));
    }

    /** The same of a link itself. @param {string} path @returns {Attributes} */
    linkStat(path) {
        return attributes(this.#ask(path, (files) => files.linkStat(path)));
    }

    /** The text of a link. @param {string} path @returns {string} */
    readLink(path) {
        return this.#ask(path, (files) => files.readLink(path));
    }

    /**
     * What is in a folder: at most 10,000 entries, `cut` says whether there are more, `unnameable` how many were left
     * out because their names are not UTF-8.
     *
     * @param {string} path
     * @returns {{entries: {name: string, attributes: Attributes}[], cut: boolean, unnameable: number}}
     */
    list(path) {
        const { entries, cut, unnameable } = this.#ask(path, (files) => files.list(path));
        const named = entries.map((entry) => ({ name: entry.name, attributes: attributes(entry.attributes) }));
        return { entries: named, cut, unnameable };
    }

    /**
     * So many bytes of a file from an offset on, at most 1 MiB; fewer only at its end.
     *
     * @param {string} path
     * @param {number} [offset]
     * @param {number} [size]
     * @returns {Uint8Array}
     */
    read(path, offset = 0, size = MOST) {
        const from = BigInt(whole(offset, "offset", 53));
        whole(size, "size");
        return this.#ask(path, (files) => files.read(path, from, size));
    }

    /**
     * A file of less than 1 MiB as text, fit to be written back. Errors: `limit`; a `TypeError` if it is no UTF-8.
     *
     * @param {string} path
     * @returns {string}
     */
    readText(path) {
        const read = this.read(path);
        if (read.length === MOST) {
            throw new HostlerError("limit", "transfer", `${path} has 1 MiB or more: read it in pieces.`);
        }
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(read);
    }

    /**
     * Makes a file, or replaces the content of one in place: if it fails midway, the file holds a part.
     *
     * @param {string} path
     * @param {string | Uint8Array} content
     */
    write(path, content) {
        const written = bytes(content, "content");
        this.#ask(path, (files) => files.write(path, written));
    }

    /** Removes a file, or a link and not what it leads to. @param {string} path */
    remove(path) {
        this.#ask(path, (files) => files.remove(path));
    }

    /** Gives a file or folder another path, which must not exist yet. @param {string} path @param {string} to */
    rename(path, to) {
        text(to, "to");
        this.#ask(path, (files) => files.rename(path, to));
    }

    /** Makes a folder. The one around it must exist. @param {string} path */
    makeFolder(path) {
        this.#ask(path, (files) => files.makeFolder(path));
    }

    /** Removes an empty folder. @param {string} path */
    removeFolder(path) {
        this.#ask(path, (files) => files.removeFolder(path));
    }

    /** Makes a symbolic link with a text, which may be any path. @param {string} path @param {string} to */
    symlink(path, to) {
        text(to, "to");
        this.#ask(path, (files) => files.symlink(path, to));
    }

    /** Sets permissions: the lower twelve bits of a mode. Follows links. @param {string} path @param {number} mode */
    setMode(path, mode) {
        whole(mode, "mode");
        this.#ask(path, (files) => files.setMode(path, mode));
    }

    #ask(path, question) {
        const files = Handle.lent(this);
        text(path, "path");
        return ask(() => question(files));
    }
}

/** An open file, to be read and written piece by piece. Close it, or declare it with `using`. */
export class File extends Handle {
    /**
     * Opens one. `create` says what becomes of it: `never` (it must exist; the default), `missing`, `empty`, `new`.
     *
     * @param {Sftp} files
     * @param {string} path
     * @param {{read?: boolean, write?: boolean, create?: string}} [mode] To be read, unless they say otherwise.
     * @returns {File}
     */
    static open(files, path, { read, write = false, create = "never" } = {}) {
        const lent = Handle.lent(files);
        const mode = { read: read ?? !write, write, create: text(create, "create") };
        text(path, "path");
        return new File(ask(() => daemon.File.open(lent, path, mode)), "file");
    }

    /** What is known about it. @returns {Attributes} */
    stat() {
        const file = Handle.lent(this);
        return attributes(ask(() => file.stat()));
    }

    /** So many bytes from an offset on, at most 1 MiB; fewer only at its end. @param {number} offset @param {number} [size] @returns {Uint8Array} */
    read(offset, size = MOST) {
        const file = Handle.lent(this);
        const from = BigInt(whole(offset, "offset", 53));
        whole(size, "size");
        return ask(() => file.read(from, size));
    }

    /** Writes from an offset on. If it fails, any part may have been written. @param {number} offset @param {string | Uint8Array} content */
    write(offset, content) {
        const file = Handle.lent(this);
        const from = BigInt(whole(offset, "offset", 53));
        const written = bytes(content, "content");
        ask(() => file.write(from, written));
    }

    /** Some servers find out only at the end that what was written had no room. */
    [dispose]() {
        this.close();
    }
}

function attributes({ kind, size, mode, user, group, modifiedMs }) {
    const number = (value) => (value == null ? undefined : Number(value));
    return {
        kind,
        size: number(size),
        mode: number(mode),
        user: number(user),
        group: number(group),
        modifiedMs: number(modifiedMs),
    };
}
