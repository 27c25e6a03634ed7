// One rule: whom it is for, what it covers, and what it demands.

import { problem } from "hostler-sdk/errors";
import { allow, deny } from "hostler-sdk/policy";
import { Window } from "./clock.js";

/** The variable of `driver_args.environment` that names the ticket. It arrives on the server too, for its own log. */
export const TICKET = "TICKET";

/** With these a shell makes something else of a line than its first words say. */
const SHELL = /[;&|<>$`\\(){}[\]*?~#!"'\n\r]/;

export class Rule {
    /** What is wrong with it is added to `problems`. */
    constructor({ hosts, users, commands, elevate, hours, ticket }, index, problems) {
        this.hosts = hosts.map(pattern);
        this.users = users;
        this.commands = commands.map((text) => ({ text, matches: pattern(text) }));
        this.elevate = elevate;
        this.windows = hours?.map((window) => new Window(window));
        try {
            this.ticket = ticket === undefined ? undefined : new RegExp(`^(?:${ticket})$`);
        } catch (error) {
            problems.push(problem(["rules", index, "ticket"], "value_error", `This is no regular expression: ${error.message}.`));
        }
    }

    isFor({ host, user }) {
        return this.users.includes(user) && this.hosts.some((matches) => matches.test(host));
    }

    /** A line that a shell would take apart is covered only by the same line. */
    covers(line, elevate) {
        if (elevate !== undefined && elevate !== this.elevate) return false;
        const plain = !SHELL.test(line);
        return this.commands.some(({ text, matches }) => text === line || (plain && matches.test(line)));
    }

    judge(minute, ticket) {
        if (this.windows && !this.windows.some((window) => window.holds(minute))) {
            const hours = this.windows.map(String).join(", or ");
            return deny("hours", `This may be run ${hours}: come back then.`);
        }
        if (this.ticket && !(ticket !== undefined && this.ticket.test(ticket))) {
            return deny("ticket", `This is a change: name its ticket in \`driver_args.environment.${TICKET}\`.`);
        }
        return allow;
    }
}

/** `*` stands for any text, also for none. */
function pattern(text) {
    const parts = text.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`);
}
