find_task
state
if [ "$s" = ended ]; then tell; exit 0; fi
g=
[ "$s" = running ] && g=$p
members() {
  for e in $(grep -ls "HOSTLER_TASK=$i" /proc/[0-9]*/environ 2>/dev/null); do
    e=${e#/proc/} e=${e%/environ}
    marked "$e" && echo "$e"
  done
}
stop() {
  [ -n "$g" ] && kill -s "$1" -- "-$g" 2>/dev/null
  for e in $(members); do kill -s "$1" "$e" 2>/dev/null; done
}
over() { [ -z "$(members)" ] && { [ -z "$g" ] || ! kill -s 0 -- "-$g" 2>/dev/null; }; }
wait_for_it() {
  w=0
  until over; do
    [ "$w" -lt 30 ] || return 1
    w=$((w + 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
}
if [ "$s" != running ] && over; then tell; exit 0; fi
# Before it ends, so that whoever looks meanwhile sees why. On a full disk `:` would end this shell; `true` does not.
true >"$F/kill"
stop TERM
wait_for_it || { stop KILL; wait_for_it; } || { s=running; tell; exit 0; }
echo killed >"$F/status.new" && mv "$F/status.new" "$F/status"
p=${g:--}
s=killed x=-
plain "$F/log" && n=$(($(wc -c <"$F/log")))
tell
