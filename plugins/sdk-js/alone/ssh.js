import { absent } from "./absent.js";

export const Session = absent("ssh.Session");
