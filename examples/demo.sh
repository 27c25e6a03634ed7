#!/bin/sh
# make demo
#
# Starts a throw-away SSH server and the daemon, both on loopback, sends the first example of the
# document to the daemon, and prints what the SSH server answered. Ends both.
set -eu
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
finish() {
    exec 3>&-
    [ -z "${daemon-}" ] || kill "$daemon"
    wait
    rm -rf "$folder"
}
trap finish EXIT

# The SSH server runs until descriptor 3 is closed.
mkdir "$folder/fleet"
random 16 >"$folder/fleet/password"
mkfifo "$folder/open" "$folder/ready"
tests/fleet/sshd "$folder/fleet" <"$folder/open" >"$folder/ready" &
exec 3>"$folder/open"
read -r _ ssh_port <"$folder/ready" || exit 1

# The daemon says in its log where it listens.
key=$(random 16)
mkfifo "$folder/log"
HOSTLER_API_KEY=$key "${CARGO_TARGET_DIR:-target}/debug/hostler" serve --listen 127.0.0.1:0 --data-dir "$folder/data" 2>"$folder/log" 3>&- &
daemon=$!
exec 4<"$folder/log"
while read -r line <&4; do
    case $line in
    *"listening on "*)
        address=$(expr "$line" : '.*listening on \(http://[0-9.:]*\)')
        break
        ;;
    esac
    echo "$line" >&2
done
cat <&4 >/dev/null &
[ -n "${address-}" ] || exit 1

request() {
    cat <<END
{
  "driver": "paramiko",
  "connection_args": {
    "host": "127.0.0.1",
    "port": $ssh_port,
    "username": "admin",
    "password": "$1"
  },
  "command": "uname -a"
}
END
}
# Files keep the key and the password out of the process list.
request "$(cat "$folder/fleet/password")" >"$folder/request"
printf 'header = "X-API-KEY: %s"\nheader = "Content-Type: application/json"\n' "$key" >"$folder/curl"
ask() { curl --silent --show-error --fail-with-body --config "$folder/curl" "$@"; }

echo "POST $address/device/execute"
request '********'
id=$(ask --data "@$folder/request" "$address/device/execute" | jq --exit-status --raw-output .data.id)
ask "$address/v1/jobs/$id?wait=30" >/dev/null
echo
echo "GET $address/job?id=$id"
ask "$address/job?id=$id" | tee "$folder/answer" | jq .
jq --exit-status '.data[0].result.retval["uname -a"].exit_status == 0' "$folder/answer" >/dev/null
