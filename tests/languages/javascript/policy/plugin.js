// A policy that fails where a command, or its settings, say so.

import { Policy, allow, deny, policy } from "hostler-sdk/policy";

class Trouble extends Policy {
    static description = {
        name: "policy-trouble",
        version: "0.1.0",
        summary: "Fails in every place.",
        settingsSchema: { type: "object" },
    };

    constructor(settings) {
        super(settings);
        if (Object.keys(settings).length > 0) throw new RangeError("not caught in the constructor");
    }

    review(context, job) {
        const [command] = job.request.command ?? [];
        switch (command) {
            case "echo review":
                throw new RangeError("not caught in review");
            case "echo no-verdict":
                return undefined;
            case "echo random":
                return Math.random() < 0.5 ? allow : deny("chance", "Bad luck.");
            case "echo never":
                return new Promise(() => {});
        }
        return allow;
    }

    authorize(context, { kind, details }) {
        console.debug(kind, new Date().getTime() === context.now.getTime());
        if (details.command === "echo authorize") throw new RangeError("not caught in authorize");
        if (details.command === "echo forbidden") return deny("forbidden", "Nobody may do that.");
        return allow;
    }
}

export const judging = policy(Trouble);
