/**
 * Checks of what plugins give to the daemon, where a wrong type would end the plugin without a word, and forms that the
 * two sides have of the same thing. Not for plugins.
 *
 * @module
 */

export function text(value, what) {
    if (typeof value !== "string") throw new TypeError(`${what} must be a string, not ${shown(value)}`);
    return value;
}

/** A whole number that the daemon takes, of so many bits at most. */
export function whole(value, what, bits = 32) {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** bits) {
        throw new TypeError(`${what} must be a whole number from 0 on, not ${shown(value)}`);
    }
    return value;
}

/** A number of milliseconds or bytes that may be absent. */
export function wholeIfAny(value, what, bits = 32) {
    return value == null ? undefined : whole(value, what, bits);
}

/** The same as the daemon takes numbers of 64 bits. */
export function longIfAny(value, what) {
    return value == null ? undefined : BigInt(whole(value, what, 53));
}

export function texts(value, what) {
    if (!Array.isArray(value)) throw new TypeError(`${what} must be a list of strings, not ${shown(value)}`);
    return value.map((item, index) => text(item, `${what}[${index}]`));
}

/** A JSON text of an object, or of what is one already. */
export function json(value, what) {
    if (typeof value === "string") return value;
    if (typeof value !== "object" || value === null) throw new TypeError(`${what} must be an object, not ${shown(value)}`);
    return JSON.stringify(value);
}

/** Bytes, or a text as UTF-8. */
export function bytes(value, what) {
    if (typeof value === "string") return new TextEncoder().encode(value);
    if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be a string or a Uint8Array, not ${shown(value)}`);
    return value;
}

/** A text of bytes; what is no UTF-8 becomes `�`. */
export function decoded(bytes) {
    return new TextDecoder().decode(bytes);
}

/** An object of names and texts as a list of pairs. */
export function pairs(value, what) {
    return Object.entries(value ?? {}).map(([name, item]) => [name, text(item, `${what}.${name}`)]);
}

function shown(value) {
    return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "number" ? `${value}` : `a value of type ${typeof value}`;
}
