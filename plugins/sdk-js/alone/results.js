import { absent } from "./absent.js";

export const keep = absent("results.keep");
