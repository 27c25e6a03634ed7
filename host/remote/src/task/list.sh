c=0
for b in "$b1" "$b2"; do
  own "$b" && own "$b/tasks" || continue
  for F in "$b/tasks"/*; do
    i=${F##*/}
    case $i in *[!0-9a-f-]*) continue ;; esac
    # Without a process it is still being launched, or never was.
    own "$F" && plain "$F/pid" && [ "$c" -lt 1000 ] || continue
    c=$((c + 1))
    state
    tell
    plain "$F/about" || continue
    printf '%s about %s ' "$m" "$i"
    head -c 16384 "$F/about" | tr '\n\r' '  '
    echo
  done
done
printf '%s end\n' "$m"
