import { absent } from "./absent.js";

export const LocalFile = absent("local-files.LocalFile");
