import { randomBytes } from "node:crypto";

export function bytes(count) {
    return new Uint8Array(randomBytes(count));
}
