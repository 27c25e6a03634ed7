/**
 * Jobs as a plugin sees them. Not for plugins, but for the types.
 *
 * @module
 */

/**
 * The server a job is for, and the way to it: a port left out is 22.
 *
 * @typedef {object} Target
 * @property {string} host A name or a literal address.
 * @property {number} [port] TCP port.
 * @property {string} user Login name.
 * @property {{host: string, port?: number, user: string}[]} [jumps] Jump hosts, the one that is dialled first.
 */

/**
 * What a client asks. Secret fields were taken out; `secrets` names those that were given.
 *
 * @typedef {object} Request
 * @property {string[]} [command] Commands to run, in order.
 * @property {string[]} [config] Configuration lines to run, in order.
 * @property {Record<string, any>} connectionArgs How to reach the target and log in.
 * @property {Record<string, any>} driverArgs What the driver is to mind.
 * @property {string[]} secrets Paths of the secrets that `secrets.get` has, such as `connection_args.password`.
 */

/**
 * A validated request, on its way to being carried out.
 *
 * @typedef {object} Job
 * @property {string} id The job's id.
 * @property {string} driver Name of the driver that carries it out.
 * @property {Target} target The only server the job can reach.
 * @property {Request} request The request as the driver normalised it.
 */

/** A job with its request read. */
export function readJob(job) {
    return { ...job, request: readRequest(job.request) };
}

/** A request with its JSON read. */
export function readRequest(request) {
    return {
        command: request.command ?? undefined,
        config: request.config ?? undefined,
        connectionArgs: JSON.parse(request.connectionArgs),
        driverArgs: JSON.parse(request.driverArgs),
        secrets: request.secrets,
    };
}
