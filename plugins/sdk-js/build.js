/**
 * Makes a component of a project: `hostler plugin build` runs it in the project's folder, as
 * `node sdk/build.js WIT COMPONENT`. WIT is a folder with the world `plugin`.
 *
 * @module
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = "plugin.js";
/** What the functions of this SDK are made for. */
const API = "0.1.0";

const [wit, component] = process.argv.slice(2);
try {
    const bundle = await bundled();
    await checkImports(bundle);
    await mkdir(dirname(component), { recursive: true });
    // Lines of stacks are lines of this file.
    await writeFile(join(dirname(component), SOURCE), bundle.text);
    await writeFile(component, await componentized(bundle.text));
} catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
}

/** One module of all that `plugin.js` imports, and the interfaces of the daemon that it calls. */
async function bundled() {
    const { build } = await tool("esbuild");
    const here = dirname(fileURLToPath(import.meta.url));
    const sdk = {
        name: "hostler-sdk",
        setup({ onResolve, resolve }) {
            onResolve({ filter: /^#daemon\// }, ({ path }) => {
                return { path: `hostler:plugin/${path.slice("#daemon/".length)}@${API}`, external: true, sideEffects: false };
            });
            // Also where npm did not link it.
            onResolve({ filter: /^hostler-sdk\// }, ({ path, kind, resolveDir }) => {
                return resolveDir === here ? undefined : resolve(path, { kind, resolveDir: here });
            });
        },
    };
    const { outputFiles, metafile } = await build({
        entryPoints: [SOURCE],
        bundle: true,
        format: "esm",
        target: "es2024",
        // The engine knows `using`, whatever the year.
        supported: { using: true },
        platform: "neutral",
        mainFields: ["module", "main"],
        external: ["hostler:plugin/*"],
        charset: "utf8",
        logLevel: "silent",
        metafile: true,
        write: false,
        outfile: SOURCE,
        plugins: [sdk],
    });
    const [{ imports }] = Object.values(metafile.outputs);
    return { text: outputFiles[0].text, imports: imports.map(({ path }) => path) };
}

/** Whether the world has what is called. */
async function checkImports({ imports }) {
    const world = await readFile(join(wit, "world.wit"), "utf8");
    const missing = imports.filter((path) => !world.includes(`import ${path};`));
    if (missing.length > 0) {
        const names = missing.join(", ");
        throw new Error(`${SOURCE} calls ${names}, and plugin.toml asks for no capability that covers that: add a [[request]]`);
    }
}

async function componentized(source) {
    const { componentize } = await tool("@bytecodealliance/componentize-js");
    const { component } = await componentize(source, {
        sourceName: SOURCE,
        witPath: wit,
        worldName: "plugin",
        // Without them it imports nothing of WASI.
        disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
    });
    return component;
}

async function tool(name) {
    try {
        return await import(name);
    } catch (error) {
        if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
        throw new Error(`${name} is not installed: run \`npm install\` in ${process.cwd()}`);
    }
}
