// The driver `{{name}}`: logs in with a password and runs the job's commands, one after the other.

import { Driver, driver } from "hostler-sdk/driver";
import { Invalid, problem } from "hostler-sdk/errors";
import * as log from "hostler-sdk/log";
import * as secrets from "hostler-sdk/secrets";
import { Session, password } from "hostler-sdk/ssh";

export class Plugin extends Driver {
    static description = {
        name: "{{name}}",
        version: "0.1.0",
        summary: "Runs commands, one after the other.",
        connectionSchema: {
            $schema: "https://json-schema.org/draft/2020-12/schema",
            description: "How to reach the server and log in.",
            type: "object",
            additionalProperties: false,
            required: ["host", "username", "password"],
            properties: {
                host: { type: "string", minLength: 1, description: "A name or an address." },
                port: { type: "integer", minimum: 1, maximum: 65535, default: 22, description: "SSH port." },
                username: { type: "string", minLength: 1, description: "Login name." },
                password: { type: "string", writeOnly: true, description: "A secret, because it is writeOnly." },
                host_key_policy: {
                    enum: ["auto_add", "reject", "warning"],
                    default: "reject",
                    description:
                        "What to do with a host key that is not on record: auto_add records it, reject refuses it, " +
                        "warning accepts it for this job. All refuse a changed key.",
                },
            },
        },
        driverSchema: {
            $schema: "https://json-schema.org/draft/2020-12/schema",
            description: "How the commands are run.",
            type: "object",
            additionalProperties: false,
            properties: {
                stop_on_error: { type: "boolean", default: true, description: "Whether a command that fails is the last one." },
            },
        },
    };

    /** The daemon has checked both schemas. Here is what they cannot say. */
    validate({ command, config, connectionArgs }) {
        if (config) throw new Invalid(problem(["config"], "unsupported", "There is no configuration here: use `command`."));
        if (!command?.length) throw new Invalid(problem(["command"], "missing", "Give the commands to run."));
        const { host, port, username } = connectionArgs;
        return { target: { host, port, user: username } };
    }

    execute(job) {
        // `using` closes it at the end, whatever happens. Nothing else does.
        using session = this.connect(job);
        const { stop_on_error: stopOnError = true } = job.request.driverArgs;
        const items = [];
        for (const command of job.request.command) {
            const run = session.run({ command });
            items.push({ command, run });
            if (stopOnError && run.exitStatus !== 0) {
                log.tell("A command failed, and those after it were not run.");
                break;
            }
        }
        return items;
    }

    /** Also for tests of the target, which have no commands. */
    connect(job) {
        using secret = secrets.get("connection_args.password");
        return Session.connect([password(secret)], { hostKeyPolicy: job.request.connectionArgs.host_key_policy });
    }
}

export const driving = driver(Plugin);
