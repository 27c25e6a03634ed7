import assert from "node:assert/strict";
import { test } from "node:test";
import { allow } from "hostler-sdk/policy";
import { Plugin } from "./plugin.js";

const exec = (command) => ({ kind: "exec", details: { command } });

test("only what is named is forbidden", () => {
    const policy = new Plugin({ forbidden: ["shutdown"] });
    assert.equal(policy.authorize({}, exec("reboot")), allow);
    assert.equal(policy.authorize({}, exec("shutdown -h now")).val.code, "forbidden-program");
});

test("without settings nobody reboots, and the job is not even accepted", () => {
    const request = { command: ["uptime", " reboot"] };
    assert.equal(new Plugin({}).review({}, { request }).val.code, "forbidden-program");
});

test("what is not known is denied", () => {
    assert.equal(new Plugin({}).authorize({}, { kind: "teleport", details: {} }).val.code, "cannot-judge");
});
