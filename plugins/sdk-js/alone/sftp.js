import { absent } from "./absent.js";

export const Sftp = absent("sftp.Sftp");
export const File = absent("sftp.File");
