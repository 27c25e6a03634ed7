"""What users of netpulse-sdk 0.1.1 do; fails where something is not as it should be.

Standard input: the daemon's address and key, a host with the arguments to log in there, and a number of seconds that no
other process sleeps for.
"""

import ast
import json
import sys

from netpulse_sdk import NetPulseClient
from netpulse_sdk.error import AuthError, NetPulseError, NetworkError

given = json.load(sys.stdin)
address, host, login = given["address"] + "/v0.3", given["host"], given["login"]


def connect(key=given["key"], **more):
    return NetPulseClient(address, key, driver="paramiko", default_connection_args={**login, **more}, max_retries=0)


def fails(error, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except error as raised:
        return str(raised)
    raise AssertionError(f"no {error.__name__}")


def told(result):
    """This version takes what Paramiko's driver tells of a command for text."""
    return ast.literal_eval(result.stdout)


client = connect()
fails(AuthError, connect(key="wrong").get_job, "x")
assert "not found" in fails(NetPulseError, client.get_job, "x")

job = client.run(host, commands=["echo hi", "false"]).wait(60)
first, second = job.results()
assert (first.command, first.device_name, first.ok) == ("echo hi", host, True), first
assert told(first) == {"output": "hi\n", "error": "", "exit_status": 0}, first
assert told(second)["exit_status"] == 1, second
assert client.get_job(job.id).results()[0].stdout == first.stdout

# The device that cannot be asked comes first: names must not be taken by position.
group = client.run([{"host": "198.51.100.1", "port": 0}, host, "localhost"], commands="hostname").wait(60)
assert group.failed_devices == ["198.51.100.1"], group.failed_devices
assert list(group.to_dict()) == [host, "localhost"], group.to_dict()
assert all(result.ok for result in group.results()), group.results()
assert "All devices failed" in fails(NetPulseError, client.run, ["a", "b"], commands="x", connection_args={"port": 0})

(denied,) = connect(password="wrong").run(host, commands="id").wait(60).results()
assert not denied.ok and denied.error.type == "AuthenticationException" and denied.stderr, denied

sudo = {"sudo": True, "sudo_password": login["password"]}
(elevated,) = client.run(host, config="id -un", driver_args=sudo).wait(60).results()
assert told(elevated)["output"] == "root\n", elevated
assert "422" in fails(NetworkError, client.run, host, commands="id", driver_args=sudo)
assert "422" in fails(NetworkError, client.run, host, commands="id", timeout=0)

# Pinned jobs of one host take turns.
first = client.run(host, commands=f"sleep {given['nap']}", queue_strategy="pinned")
second = client.run(host, commands="true", queue_strategy="pinned")
second.cancel()
assert second.status == "canceled" and not second.results()[0].ok, second._data
client._http.delete("/worker", params={"host": host})
assert first.wait(60).status == "canceled", first._data
