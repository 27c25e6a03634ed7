/**
 * Interactive sessions: what is typed into the login shell's terminal, and what is waited for.
 *
 * ```js
 * using shell = Shell.open(session);
 * shell.expect(["# $"], 10_000);
 * shell.write("show version\n");
 * const shown = shell.expect(["# $"], 10_000).before;
 * ```
 *
 * The terminal echoes what is typed, unless the program in it turns that off, as it does for passwords.
 *
 * @module
 */

import { Handle, ask } from "./handle.js";
import { bytes, decoded, text, texts, whole } from "./values.js";
import * as daemon from "#daemon/shell";

/**
 * What was waited for.
 *
 * @typedef {object} Found
 * @property {number} pattern Which of the patterns, counted from 0.
 * @property {string} before What stood before the match and was not consumed yet.
 * @property {string} matched The match.
 */

/** The account's login shell in a terminal. It ends with its session. Close it, or declare it with `using`. */
export class Shell extends Handle {
    /**
     * Starts it. Errors: `timeout`, `connection-lost`, `exec-refused`, `denied`, `limit`, `invalid-request`.
     *
     * @param {import("./ssh.js").Session} session
     * @param {{terminal?: string, columns?: number, rows?: number}} [options] A `vt100` of 80 x 24 unless they say
     *     otherwise. What is typed is echoed in lines of `columns` characters.
     * @returns {Shell}
     */
    static open(session, { terminal = "vt100", columns = 80, rows = 24 } = {}) {
        const lent = Handle.lent(session);
        const asked = {
            terminal: text(terminal, "terminal"),
            columns: whole(columns, "columns"),
            rows: whole(rows, "rows"),
        };
        return new Shell(ask(() => daemon.Shell.open(lent, asked)), "shell");
    }

    /**
     * Types a text; a line ends with `\n` or `\r`. Errors: `timeout`, `closed`, `denied`, `invalid-request`.
     *
     * @param {string} text
     */
    write(text) {
        const shell = Handle.lent(this);
        const typed = bytes(text, "text");
        ask(() => shell.write(typed));
    }

    /**
     * Types a secret and nothing else, not even a newline. Errors: those of `write`.
     *
     * @param {import("./secrets.js").Secret} secret
     */
    writeSecret(secret) {
        const shell = Handle.lent(this);
        const typed = Handle.lent(secret);
        ask(() => shell.writeSecret(typed));
    }

    /**
     * Waits until one of the patterns matches what the terminal shows and was not consumed yet, and consumes it up to
     * the end of the match. Patterns are texts for Rust's crate `regex`, not regular expressions of JavaScript: no
     * look-around, no back-references; `$` is the end of what was shown so far. Errors: `timeout`, `closed`,
     * `connection-lost`, `limit`, `denied`, `invalid-request`.
     *
     * @param {string[]} patterns
     * @param {number} timeoutMs
     * @returns {Found}
     */
    expect(patterns, timeoutMs) {
        const shell = Handle.lent(this);
        texts(patterns, "patterns");
        whole(timeoutMs, "timeoutMs");
        const { pattern, before, matched } = ask(() => shell.expect(patterns, timeoutMs));
        return { pattern, before: decoded(before), matched: decoded(matched) };
    }
}
