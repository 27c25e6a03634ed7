import assert from "node:assert/strict";
import { test } from "node:test";
import { allow } from "hostler-sdk/policy";
import { Plugin } from "./plugin.js";

const exec = (command, more) => ({ kind: "exec", details: { command, stdin: null, answers: [], ...more } });

test("only what is named is forbidden", () => {
    const policy = new Plugin({ forbidden: ["shutdown"] });
    assert.equal(policy.authorize({}, exec("reboot")), allow);
    assert.equal(policy.authorize({}, exec("shutdown -h now")).val.code, "forbidden-program");
});

test("what a command reads is no way around it", () => {
    for (const input of [{ stdin: "shutdown" }, { answers: [["$", "shutdown"]] }]) {
        assert.equal(new Plugin({}).authorize({}, exec("bash", input)).val.code, "input");
    }
});

test("without settings nobody reboots, and the job is not even accepted", () => {
    const request = { command: ["uptime", " reboot"] };
    assert.equal(new Plugin({}).review({}, { request }).val.code, "forbidden-program");
});

test("what is not known is denied", () => {
    assert.equal(new Plugin({}).authorize({}, { kind: "teleport", details: {} }).val.code, "cannot-judge");
});
