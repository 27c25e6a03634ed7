//! Programs that run what their arguments, their input or a file says.

use hostler_patterns::matches;

/// By kind, with wildcards. The lists cannot be complete: they keep accidents away, and only a list of what is
/// allowed keeps people away.
const RUNNERS: [&str; 5] = [
    // Shells.
    "*sh ash* bash* busybox* fish* ksh* rc toybox* xonsh* zsh*",
    // What a shell does itself. Some take a name like `x[$(id)]` and run what stands in it; others say what a name
    // will mean from here on.
    "- . [ alias autoload bind builtin command compgen complete declare emulate enable eval exec export fc getopts hash
     jobs let local mapfile nocorrect noglob print printf read readarray readonly sched set shopt source test trap
     typeset unset vared wait zmodload",
    // Other rights, limits, times and places.
    "at batch bwrap capsh chroot* chrt cpulimit crontab doas env fakeroot* firejail flock ionice ld*.so* logrotate
     ltrace machinectl modprobe newgrp nice nohup nsenter numactl pkexec prlimit proot run-parts run0 runcon runuser
     schroot screen script setarch setpriv setsid sg start-stop-daemon stdbuf strace su sudo* systemd-* taskset
     timeout tmux* unbuffer unshare valgrind* watch xargs",
    // Languages.
    "*awk* bc dc ed expect* gdb* groovy* irb* java* jrunscript jshell julia* lua* m4 node* octave* perl* php* pip*
     pry* pypy* python* R Rscript* ruby* sed* sqlite3* tcl* wish*",
    // Programs with an option, a command of their own or a hook that runs a program.
    "ansible* apt* ar aria2c bundle* cargo* cmake* composer* cpan* cpio ctr curl dmesg dnf* docker* dpkg* emacs* find
     ftp g++* gcc* gem* git* gmake* helm hg info ip journalctl kubectl less lftp lxc* mail* make* man more mount* mutt*
     mysql* nano* nc* ncat* netcat* npm* npx* openssl parallel* pico* podman* psql* rpm* rsync* rvim* scp service sftp
     snap* socat* sort split ssh* svn* tar tcpdump telnet top vi view* vim* virsh wget* xdg-* yarn* yum* zip zypper*",
];

/// Whether a program of the system may run others.
pub(crate) fn is_runner(program: &str) -> bool {
    RUNNERS.iter().flat_map(|kind| kind.split_whitespace()).any(|pattern| matches(pattern, program))
}
