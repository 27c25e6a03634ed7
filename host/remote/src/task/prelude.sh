# What each of these programs begins with. `i` is the task, `m` what begins a line of the answer.
mask=$(umask)
umask 077
u=$(id -u)
h=$HOME
[ -O "$h" ] || h=$(eval "echo ~$(id -un)")
b1=${XDG_STATE_HOME:-$h/.local/state}/hostler
b2=/tmp/hostler-$u
own() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
plain() { [ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
marked() { { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | grep -qx "HOSTLER_TASK=$i"; }
# Whether the process that the file names is that of the task; it is then `p`.
alive() {
  p= t=
  plain "$F/pid" && read -r p t <"$F/pid"
  case $p in '' | *[!0-9]* | 0* | 1) p=; return 1 ;; esac
  { read -r l <"/proc/$p/stat"; } 2>/dev/null || return 1
  l=${l##*) }
  set -- $l
  [ "${20}" = "$t" ] && [ "$3" = "$p" ] && [ "$4" = "$p" ] && [ "$1" != Z ] && marked "$p"
}
ended() { plain "$F/status" && read -r x <"$F/status" && s=ended; }
state() {
  s=running x=-
  ended || alive || ended || s=gone
  case $x in killed) s=killed x=- ;; *[!0-9]*) x=- ;; esac
  # It was stopped, whatever status it left of that, and also while the rest of it is being stopped.
  [ "$s" = running ] || ! plain "$F/kill" || { s=killed x=-; }
  case $p in '' | *[!0-9]*) p=- ;; esac
  n=0
  plain "$F/log" && n=$(($(wc -c <"$F/log")))
}
find_task() {
  for F in "$b1/tasks/$i" "$b2/tasks/$i"; do own "$F" && return; done
  echo "$m missing"
  exit 0
}
tell() { printf '%s task %s %s %s %s %s %s\n' "$m" "$i" "$s" "$x" "$p" "$n" "$F"; }
