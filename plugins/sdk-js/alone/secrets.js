import { absent } from "./absent.js";

export const get = absent("secrets.get");
