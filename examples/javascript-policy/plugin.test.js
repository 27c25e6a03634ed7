import assert from "node:assert/strict";
import { test } from "node:test";
import { allow } from "hostler-sdk/policy";
import { ChangeTickets } from "./plugin.js";

/** Monday. */
const NOON = new Date("2026-11-23T11:00:00Z");
const TARGET = { host: "web1.example", port: 22, user: "admin", jumps: [] };
const READ = { hosts: ["web*.example"], users: ["admin"], commands: ["uptime", "journalctl -n 100 | grep -c error"] };
const CHANGE = {
    hosts: ["web*.example"],
    users: ["admin"],
    commands: ["systemctl restart *"],
    elevate: "root",
    hours: [{ days: ["mon"], from: "22:00", to: "04:00" }],
    ticket: "CHG[0-9]{7}",
};

/** What is said of a command, as an action. */
function said(command, { target, now = NOON, rules = [READ, CHANGE], ...more } = {}) {
    const policy = new ChangeTickets({ utc_offset: "+01:00", rules });
    const details = { command, elevate: null, environment: {}, stdin: null, answers: [], "working-directory": null, ...more };
    const verdict = policy.authorize({ now, mayAmend: false }, { kind: "exec", target: { ...TARGET, ...target }, details });
    return verdict === allow ? "allow" : verdict.val.code;
}

test("a rule is for some servers and users only", () => {
    assert.equal(said("uptime"), "allow");
    assert.equal(said("uptime", { target: { host: "db1.example" } }), "no-rule");
    assert.equal(said("uptime", { target: { user: "root" } }), "no-rule");
    assert.equal(said("uptimes"), "no-rule");
});

test("what a shell would take apart is covered by the same text only", () => {
    assert.equal(said("journalctl -n 100 | grep -c error"), "allow");
    for (const line of ["systemctl restart x; reboot", "systemctl restart $(reboot)", "systemctl restart x\nreboot"]) {
        assert.equal(said(line), "no-rule", line);
    }
});

test("rights of others are had by rule only", () => {
    assert.equal(said("uptime", { elevate: "root" }), "no-rule");
    const night = new Date("2026-11-23T22:00:00Z");
    const asked = { now: night, environment: { TICKET: "CHG0012345" } };
    assert.equal(said("systemctl restart nginx", { ...asked, elevate: "root" }), "allow");
    assert.equal(said("systemctl restart nginx", { ...asked, elevate: "postgres" }), "no-rule");
});

test("a change needs its ticket, and its hour by the clock of the place", () => {
    const restart = (now, ticket) => said("systemctl restart nginx", { now: new Date(now), environment: { TICKET: ticket } });
    assert.equal(restart("2026-11-23T20:59:59Z", "CHG0012345"), "hours");
    assert.equal(restart("2026-11-23T21:00:00Z", "CHG0012345"), "allow");
    assert.equal(restart("2026-11-24T02:59:59Z", "CHG0012345"), "allow");
    assert.equal(restart("2026-11-24T03:00:00Z", "CHG0012345"), "hours");
    assert.equal(restart("2026-11-24T02:00:00Z", "CHG00123456"), "ticket");
});

test("a command comes alone", () => {
    assert.equal(said("uptime", { stdin: "reboot" }), "more-than-a-command");
    assert.equal(said("uptime", { answers: [["?", "y"]] }), "more-than-a-command");
    assert.equal(said("uptime", { "working-directory": "/tmp" }), "more-than-a-command");
    assert.equal(said("uptime", { environment: { LD_PRELOAD: "x" } }), "environment");
});

test("a job gets an end, once", () => {
    const review = (mayAmend, driverArgs) => {
        const policy = new ChangeTickets({ longest_timeout: 300, rules: [READ] });
        return policy.review({ now: NOON, mayAmend }, { target: TARGET, request: { command: ["uptime"], driverArgs } });
    };
    assert.equal(review(true, { timeout: 60 }), allow);
    for (const args of [{}, { timeout: null }, { timeout: 301 }]) {
        const { tag, val } = review(true, args);
        assert.equal(tag, "amend");
        assert.deepEqual(JSON.parse(val.patch), [{ op: "add", path: "/driver_args/timeout", value: 300 }]);
        assert.equal(review(false, args).val.code, "timeout");
    }
});

test("what is not known is denied", () => {
    const policy = new ChangeTickets({ rules: [READ] });
    assert.equal(policy.authorize({}, { kind: "connect", target: TARGET, details: {} }), allow);
    assert.equal(policy.authorize({}, { kind: "connect", target: { ...TARGET, host: "gate" }, details: {} }).val.code, "no-rule");
    assert.equal(policy.authorize({}, { kind: "write-file", target: TARGET, details: {} }).val.code, "cannot-judge");
});

test("a ticket that is no regular expression is refused with its place", () => {
    assert.throws(
        () => new ChangeTickets({ rules: [READ, { ...CHANGE, ticket: "(" }] }),
        ({ problems }) => problems[0].path.join(".") === "rules.1.ticket",
    );
});
