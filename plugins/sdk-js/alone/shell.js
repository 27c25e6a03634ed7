import { absent } from "./absent.js";

export const Shell = absent("shell.Shell");
