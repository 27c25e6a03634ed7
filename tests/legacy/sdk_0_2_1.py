"""What users of netpulse-sdk 0.2.1 do; fails where something is not as it should be.

Standard input: the daemon's address and key, a host with the arguments to log in there, and a number of seconds that no
other process sleeps for.
"""

import ast
import json
import sys

from netpulse_sdk import NetPulseClient
from netpulse_sdk.error import NetPulseError, NetworkError

given = json.load(sys.stdin)
address, host, login = given["address"] + "/v0.3", given["host"], given["login"]


def connect(key=given["key"], **more):
    arguments = {**login, **more}
    return NetPulseClient(address, key, driver="paramiko", default_connection_args=arguments, max_retries=0)


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
assert client.ping()
fails(NetPulseError, connect(key="wrong").ping)

# The arguments that this version always sends are other drivers'; they are told, and do no harm.
job = client.run(host, command="echo hi", result_ttl=60)
assert told(job.first()) == {"output": "hi\n", "error": "", "exit_status": 0} and job.all_ok, job._data
assert any("driver_args.read_timeout" in warning for warning in job._data["warnings"]), job._data
assert job.id in [listed.id for listed in client.list_jobs(status="finished", queue="FifoQ")]
assert client.list_jobs(queue="HostQ_nowhere") == []

group = client.run([{"host": "198.51.100.1", "port": 0}, host, "localhost"], command=["echo a", "false"])
assert group.wait(60).failed_devices == ["198.51.100.1"], group.failed_devices
assert list(group.to_dict()) == [host, "localhost"], group.to_dict()

denied = connect(password="wrong").run(host, command="id", driver_args={}).first()
assert not denied.ok and denied.error.type == "AuthenticationException" and denied.stderr, denied
assert "422" in fails(NetworkError, client.run, host, command="id", ttl=86401)
assert "400" in fails(NetworkError, client.run, host, command="id", connection_args={"host_key_policy": "x"})

running = client.run(host, command=f"sleep {given['nap']}", queue_strategy="pinned", driver_args={})
waiting = client.run(host, command="true", queue_strategy="pinned", driver_args={})
while running.refresh().status == "queued":
    pass
assert waiting.id in [listed.id for listed in client.list_jobs(queue=f"HostQ_{host}")]
workers = {worker["name"]: worker["status"] for worker in client.list_workers()}
pinned = f"hostler_HostQ_{host}"
assert {"hostler", "hostler_FifoQ"} < set(workers) and workers[pinned] == "busy", workers
assert client.cancel_job(waiting.id) and not client.cancel_job(waiting.id)
assert client.cancel_jobs() == []
assert client.delete_workers(host="nowhere") == []
assert "422" in fails(NetworkError, client.delete_workers, name="hostler_FifoQ")
assert client.delete_workers(name=pinned) == [pinned]
assert running.wait(60).status == "canceled", running._data

good = client.test_connection(host)
assert good.success and good.latency > 0 and good.error is None and good.timestamp, good
bad = connect(password="wrong").test_connection(host)
assert not bad.success and bad.error and "HTTP error" not in bad.error, bad
nowhere = client.test_connections([host], connection_args={"port": 1})
assert [(test.host, test.success) for test in nowhere] == [(host, False)], nowhere
