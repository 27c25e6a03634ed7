/**
 * Files of the daemon's own machine, below the folders that the operator names, for transfers. A driver never gets to
 * see what they hold.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { text } from "./values.js";
import * as daemon from "#daemon/local-files";

/** A file or folder that was admitted. Nothing of it was read or written yet. Close it, or declare it with `using`. */
export class LocalFile extends Handle {
    /** One that exists, for `upload`. Errors: `denied`, `not-found`, `permission-denied`, `invalid-request`, `limit`. @param {string} path @returns {LocalFile} */
    static toRead(path) {
        text(path, "path");
        return new LocalFile(ask(() => daemon.LocalFile.toRead(path)), "local file");
    }

    /** One that exists or is to be made, for `download`. Errors: those of `toRead`. @param {string} path @returns {LocalFile} */
    static toWrite(path) {
        text(path, "path");
        return new LocalFile(ask(() => daemon.LocalFile.toWrite(path)), "local file");
    }

    /** The staged file that came with the request, for `upload`. Errors: `not-found`, `denied`, `limit`. @returns {LocalFile} */
    static staged() {
        return new LocalFile(ask(() => daemon.LocalFile.staged()), "local file");
    }

    /**
     * A new staged file, for one `download` of one file; the client can fetch it under this name. Errors: `denied`,
     * `limit`, `busy`.
     *
     * @param {string} name
     * @returns {LocalFile}
     */
    static toStage(name) {
        text(name, "name");
        return new LocalFile(ask(() => daemon.LocalFile.toStage(name)), "local file");
    }

    /** Its whole path, as grants and policies see it. @returns {string} */
    path() {
        return Handle.lent(this).path();
    }

    /** `file`, `folder`, `other`, or `nothing` if it does not exist yet. @returns {string} */
    kind() {
        return Handle.lent(this).kind();
    }

    /** Bytes of a file. @returns {number | undefined} */
    size() {
        const size = Handle.lent(this).size();
        return size == null ? undefined : Number(size);
    }
}
