// The policy `{{name}}`: some programs may not be run.

import { Policy, allow, deny, policy } from "hostler-sdk/policy";

export class Plugin extends Policy {
    static description = {
        name: "{{name}}",
        version: "0.1.0",
        summary: "Keeps jobs from running some programs.",
        settingsSchema: {
            $schema: "https://json-schema.org/draft/2020-12/schema",
            type: "object",
            additionalProperties: false,
            properties: {
                forbidden: {
                    type: "array",
                    items: { type: "string", minLength: 1 },
                    default: ["reboot"],
                    description: "Programs, by the first word of a command.",
                },
            },
        },
    };

    constructor(settings) {
        super(settings);
        this.forbidden = settings.forbidden ?? ["reboot"];
    }

    /** Before a job is accepted: what can be known then is best denied then. */
    review(context, job) {
        const lines = [...(job.request.command ?? []), ...(job.request.config ?? [])];
        return lines.map((line) => this.judge(line)).find((verdict) => verdict !== allow) ?? allow;
    }

    /** Before each action: what really happens. */
    authorize(context, action) {
        switch (action.kind) {
            case "connect":
                return allow;
            case "exec": {
                const { command, stdin, answers } = action.details;
                // A shell runs what it reads.
                if (stdin != null || answers?.length) {
                    return deny("input", "Commands may be given no input: neither a script nor answers.");
                }
                return this.judge(command);
            }
            default:
                // More kinds will come: deny what you cannot judge.
                return deny("cannot-judge", `This policy does not know actions of the kind \`${action.kind}\`.`);
        }
    }

    /** By the first word only. `policy-commands`, which comes with the daemon, takes whole lines apart. */
    judge(line) {
        const [program] = line.trim().split(/\s/);
        if (!this.forbidden.includes(program)) return allow;
        return deny("forbidden-program", `\`${program}\` may not be run: ask the operator.`);
    }
}

export const judging = policy(Plugin);
