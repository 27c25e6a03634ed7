// A driver that does what a plugin in JavaScript should not do: `driver_args.trouble` says what.

import * as clock from "hostler-sdk/clock";
import { canceled, timeLeftMs } from "hostler-sdk/control";
import { Driver, driver } from "hostler-sdk/driver";
import { HostlerError, Invalid, problem } from "hostler-sdk/errors";
import * as random from "hostler-sdk/random";
import * as results from "hostler-sdk/results";
import * as secrets from "hostler-sdk/secrets";
import { Session, password } from "hostler-sdk/ssh";

class Trouble extends Driver {
    static description = {
        name: "trouble",
        version: "0.1.0",
        summary: "Fails in many ways.",
        connectionSchema: {
            type: "object",
            properties: { host: {}, port: {}, username: {}, password: { writeOnly: true } },
        },
        driverSchema: { type: "object" },
    };

    validate({ connectionArgs, driverArgs }) {
        const { host, port, username } = connectionArgs;
        switch (driverArgs.trouble) {
            case "validate":
                return undefined.missing;
            case "invalid":
                throw new Invalid(problem(["driver_args", "trouble"], "value_error", "There is too much of it."));
            case "no-answer":
                return undefined;
            case "wrong-answer":
                return { target: { host, port: "22", user: username } };
        }
        return { target: { host, port, user: username } };
    }

    connect(job) {
        if (job.target.user === "trouble") throw new RangeError("not caught in connect");
        using secret = secrets.get("connection_args.password");
        return Session.connect([password(secret)], { hostKeyPolicy: "auto_add" });
    }

    execute(job) {
        const { trouble } = job.request.driverArgs;
        if (trouble === "wrong-item") return [{ command: trouble, run: "one" }];
        const shown = this[trouble](job);
        return [{ command: trouble, run: results.keep(trouble, String(shown)) }];
    }

    error() {
        throw new HostlerError("out-of-paper", "exec", "Put paper in.");
    }

    exception() {
        throw new Error(`half a letter \ud800, and ${"x".repeat(5000)}`);
    }

    text() {
        throw "no error at all";
    }

    unshowable() {
        throw { toString: null };
    }

    recursion(job) {
        return this.recursion(job) + 1;
    }

    wrongType() {
        return results.keep("x", 5);
    }

    wrongNumber() {
        return clock.sleep(-1);
    }

    noHandle() {
        return password("text");
    }

    timer() {
        setTimeout(() => {}, 1);
    }

    fetch() {
        return fetch("http://example.net");
    }

    memory() {
        const kept = [];
        for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
    }

    loop() {
        for (;;);
    }

    closed(job) {
        const session = this.connect(job);
        session.close();
        session.close();
        return session.run("true").id;
    }

    /** A way to log in whose secret was closed. */
    lost() {
        const ways = () => {
            using secret = secrets.get("connection_args.password");
            return [password(secret)];
        };
        return Session.connect(ways());
    }

    /** What is closed afterwards fails as well. */
    twice() {
        using _closed = {
            [Symbol.dispose]() {
                throw new Error("not closed");
            },
        };
        this.error();
    }

    /** Nothing is wrong with it, but for what is not closed. */
    leftOpen(job) {
        const kept = [this.connect(job), this.connect(job)];
        return kept[1].run("echo left open").stdout;
    }

    /** What `using` closes, it closes: there may be four sessions at once. */
    using(job) {
        for (let count = 0; count < 6; count += 1) {
            using session = this.connect(job);
            session.run("true");
        }
        return "all were closed";
    }

    /** What `readText` asks of the engine. */
    decoded() {
        const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
        const whole = decoder.decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)).length;
        try {
            decoder.decode(Uint8Array.of(0xff));
        } catch (error) {
            return `${whole} ${error.name}`;
        }
    }

    /** What the daemon lends in place of the engine's own. */
    lent() {
        console.log("logged", { as: "JSON" });
        const before = Date.now();
        clock.sleep(20);
        const passed = new Date() - before;
        const different = crypto.randomUUID() !== crypto.randomUUID() && Math.random() !== Math.random();
        const left = timeLeftMs();
        return [passed >= 20, random.bytes(3).length, different, left > 0 && left < 24 * 3_600_000, canceled()];
    }
}

export const driving = driver(Trouble);
