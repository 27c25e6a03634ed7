/**
 * What JavaScript has of its own and cannot keep here. Not for plugins.
 *
 * Without WASI the engine's clock stands still at the time of the build, its random numbers repeat, its console is
 * silent, and whoever waits or fetches ends the plugin without a word. So they are replaced: by what the daemon lends, or
 * by a sentence.
 *
 * @module
 */

import * as log from "./log.js";
import { refusing } from "./refusing.js";

/** Has them ask `now` (milliseconds since 1970) and `bytes` (so many random ones). */
export function replace(now, bytes) {
    replaceConsole();
    replaceDate(now);
    replaceRandom(bytes);
    put("performance", { now });
    for (const name of ["setTimeout", "setInterval", "fetch"]) {
        put(name, refusing(`There is no ${name} in a plugin: only the functions of hostler-sdk reach outside.`));
    }
}

/** Some of them cannot be assigned to. */
function put(name, value) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

function replaceConsole() {
    const line = (write) => (...values) => write(values.map(shown).join(" "));
    const { error, warn, info, debug, trace } = log;
    const names = { error, warn, info, debug, trace, log: info };
    put("console", Object.fromEntries(Object.entries(names).map(([name, write]) => [name, line(write)])));
}

function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
    try {
        return JSON.stringify(value) ?? String(value);
    } catch {
        return String(value);
    }
}

function replaceDate(now) {
    const Engine = globalThis.Date;
    const replaced = {
        construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
        apply: () => new Engine(now()).toString(),
        get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    };
    put("Date", new Proxy(Engine, replaced));
}

function replaceRandom(bytes) {
    const fill = (array) => {
        const { buffer, byteOffset, byteLength } = array;
        new Uint8Array(buffer, byteOffset, byteLength).set(bytes(byteLength));
        return array;
    };
    Math.random = () => fill(new Uint32Array(1))[0] / 2 ** 32;
    put("crypto", { getRandomValues: fill, randomUUID: () => uuid(bytes(16)) });
}

/** Version 4 of RFC 9562. */
function uuid(bytes) {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
