//! The command line as somebody types it, against a daemon that answers by a script.

mod following;
mod interrupting;
mod running;
mod scripted;
mod verbs;
