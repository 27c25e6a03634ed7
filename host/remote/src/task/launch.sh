T=
for b in "$b1" "$b2"; do
  case $b in "$b2") mkdir "$b" 2>/dev/null ;; /*) mkdir -p "$b" 2>/dev/null ;; *) continue ;; esac
  own "$b" || continue
  mkdir "$b/tasks" 2>/dev/null
  own "$b/tasks" && chmod 700 "$b" "$b/tasks" && [ -w "$b/tasks" ] && T=$b/tasks && break
done
no() { printf '%s no %s\n' "$m" "$1"; exit 0; }
[ -n "$T" ] || no "neither the user's home nor /tmp takes a folder of the user's own"
command -v setsid >/dev/null || no "there is no setsid"
[ -r /proc/self/stat ] || no "there is no /proc"
# What ended a month ago makes way.
find "$T" -name status -type f -mtime +30 2>/dev/null | while read -r f; do rm -rf "${f%/status}"; done
F=$T/$i
mkdir "$F" 2>/dev/null || no "there is a task of this name already, or the disk is full"
: >"$F/log" && printf '%s\n' "$about" >"$F/about" || no "the disk is full"
t=$({ printf 'mask=%s\n%s' "$mask" "$program" | HOSTLER_TASK=$i setsid /bin/sh -c 'eval "$(cat)"' hostler-task "$F" 2>>"$F/log" & })
[ -n "$t" ] || no "the task did not start; its log is $F/log"
s=running x=- p=$t n=0
tell
