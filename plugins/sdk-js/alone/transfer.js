import { absent } from "./absent.js";

export const upload = absent("transfer.upload");
export const download = absent("transfer.download");
