// The SDK, with what stands in for the daemon: what a real one cannot be brought to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Driver, driver } from "hostler-sdk/driver";
import { HostlerError } from "hostler-sdk/errors";
import { Secret } from "hostler-sdk/secrets";
import { File, Sftp } from "hostler-sdk/sftp";
import { Session, key, keyFile, password } from "hostler-sdk/ssh";

/** What `using` calls at the end. */
const dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

const HANDLE = { [dispose]() {} };
const FULL = { payload: { kind: "transfer-failed", phase: "transfer", message: "There is no room." } };

/** A handle that the daemon does not close without a word. */
const refusing = { ...HANDLE, close() { throw FULL; } };

test("that a file was not written is an error, whoever closes it", () => {
    const refused = (error) => error instanceof HostlerError && error.message === FULL.payload.message;
    assert.throws(() => new File(refusing, "file")[dispose](), refused);
    assert.throws(() => new File(refusing, "file").close(), refused);
    new Sftp(refusing, "access to files")[dispose]();
    assert.throws(() => new Sftp(refusing, "access to files").close(), refused);
});

test("an error of the work is worth more than those of closing", async () => {
    const over = (suppressed) => Object.assign(new Error("closing"), { name: "SuppressedError", suppressed });
    class Paper extends Driver {
        static description = { name: "paper", version: "1", summary: "", connectionSchema: {}, driverSchema: {} };

        execute() {
            throw over(over(new HostlerError("out-of-paper", "exec", "Put paper in.")));
        }
    }
    const job = { request: { connectionArgs: "{}", driverArgs: "{}", secrets: [] } };
    const { tag, val } = await driver(Paper).execute(job);
    assert.deepEqual([tag, val.kind], ["err", "out-of-paper"]);
});

test("a secret that was closed logs nobody in", () => {
    const secret = () => new Secret(HANDLE, "secret");
    for (const way of [
        (lost) => password(lost),
        (lost) => key(lost),
        (lost) => key(secret(), { passphrase: lost }),
        (lost) => keyFile("key", { passphrase: lost }),
    ]) {
        const lost = secret();
        const ways = [way(lost)];
        lost.close();
        assert.throws(() => Session.connect(ways), { kind: "closed" });
        assert.throws(() => Session.connect([], { jumps: [ways] }), { kind: "closed" });
        assert.throws(() => way(lost), { kind: "closed" });
    }
});

test("what is read as text can be written back", () => {
    const text = (content) => new Sftp({ read: () => content }, "access to files").readText("/etc/motd");
    const marked = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
    assert.deepEqual(new TextEncoder().encode(text(marked)), marked);
    assert.throws(() => text(Uint8Array.of(0x61, 0xff)), TypeError);
    assert.throws(() => text(new Uint8Array(1 << 20)), { kind: "limit" });
});
