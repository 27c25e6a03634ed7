/**
 * Stands for what only the daemon can do, where a plugin's own tests run in Node.
 *
 * @param {string} name
 * @returns {any}
 */
export function absent(name) {
    const say = () => {
        throw new Error(`${name} asks the daemon, and tests run without one: use \`hostler plugin run\` for it`);
    };
    return new Proxy(say, { get: () => say });
}
