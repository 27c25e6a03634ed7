import { absent } from "./absent.js";

export const launch = absent("detached.launch");
