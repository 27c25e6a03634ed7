find_task
state
tell
[ "$n" -gt "$o" ] || exit 0
n=$((n - o))
[ "$n" -lt "$c" ] || n=$c
tail -c "+$((o + 1))" "$F/log" | head -c "$n"
