// The policy `change-tickets`: who may run what on which hosts, at what hours, and with which ticket.

import { Invalid } from "hostler-sdk/errors";
import { Policy, allow, amend, deny, policy } from "hostler-sdk/policy";
import { Rule, TICKET } from "./rule.js";
import { Clock } from "./clock.js";
import settingsSchema from "./settings.schema.json" with { type: "json" };

/** What an action of a command must not have: it could do something else than the command says. */
const BESIDES = ["stdin", "working-directory"];

export class ChangeTickets extends Policy {
    static description = {
        name: "change-tickets",
        version: "0.1.0",
        summary: "Lets commands run by rules of host, user and hour, and changes only with a ticket.",
        settingsSchema,
    };

    constructor(settings) {
        super(settings);
        const problems = [];
        this.clock = new Clock(settings.utc_offset ?? "+00:00");
        this.longest = settings.longest_timeout ?? 600;
        this.rules = settings.rules.map((rule, index) => new Rule(rule, index, problems));
        if (problems.length > 0) throw new Invalid(...problems);
    }

    /** What can be known of a job before it is accepted; and each of its commands gets an end. */
    review(context, job) {
        const { command = [], config = [], driverArgs } = job.request;
        const elevate = driverArgs.sudo === true ? (driverArgs.sudo_user ?? "root") : undefined;
        for (const line of [...command, ...config]) {
            const verdict = this.judge(context, job.target, line, elevate, driverArgs.environment ?? {});
            if (verdict !== allow) return verdict;
        }
        const { timeout } = driverArgs;
        if (typeof timeout === "number" && timeout <= this.longest) return allow;
        if (!context.mayAmend) {
            return deny("timeout", `Set \`driver_args.timeout\` to at most ${this.longest} seconds.`);
        }
        const patch = [{ op: "add", path: "/driver_args/timeout", value: this.longest }];
        return amend(patch, `Each command ends after ${this.longest} seconds at the latest.`);
    }

    /** What is really done, whatever the driver makes of the job. */
    authorize(context, { kind, target, details }) {
        switch (kind) {
            case "connect":
                if (this.rules.some((rule) => rule.isFor(target))) return allow;
                return deny("no-rule", `No rule lets \`${target.user}\` log in to \`${target.host}\`: ask for one.`);
            case "exec": {
                const besides = BESIDES.find((name) => details[name] != null);
                if (besides || details.answers?.length > 0) {
                    return deny("more-than-a-command", "Give a command alone: without a folder, input, or answers to prompts.");
                }
                return this.judge(context, target, details.command, details.elevate ?? undefined, details.environment ?? {});
            }
            default:
                return deny("cannot-judge", `This policy does not know actions of the kind \`${kind}\`.`);
        }
    }

    /** The first rule for the server and the command decides. */
    judge(context, target, line, elevate, environment) {
        const { [TICKET]: ticket, ...others } = environment;
        const [other] = Object.keys(others);
        if (other !== undefined) return deny("environment", `Leave out the variable \`${other}\`: only \`${TICKET}\` may be set.`);
        const rule = this.rules.find((rule) => rule.isFor(target) && rule.covers(line, elevate));
        if (rule) return rule.judge(this.clock.at(context.now), ticket);
        const as = elevate === undefined ? "" : ` as \`${elevate}\``;
        return deny("no-rule", `No rule lets \`${target.user}\` run this${as} on \`${target.host}\`: ask for one.`);
    }
}

export const judging = policy(ChangeTickets);
