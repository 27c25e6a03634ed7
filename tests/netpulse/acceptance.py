"""What the unmodified netpulse-sdk 0.4.0 must find. The argument says which test; it fails where something is not so.

Standard input: the daemon's `address` and `key`, and `connection_args` of a server with the user's password in them.
"""

import contextlib
import json
import os
import sys
import tempfile

from netpulse_sdk import NetPulseClient, WebhookEvent
from netpulse_sdk.error import AuthError, NetPulseError, NetworkError

given = json.load(sys.stdin)
CONNECTION = given["connection_args"]
HOST = CONNECTION["host"]
PASSWORD = CONNECTION["password"]


def client(key=given["key"], **connection):
    connection = {name: value for name, value in {**CONNECTION, **connection}.items() if name != "host"}
    return NetPulseClient(given["address"], key, driver="paramiko", default_connection_args=connection)


np = client()


@contextlib.contextmanager
def refused(error, *words):
    try:
        yield
    except error as refusal:
        for word in words:
            assert word in str(refusal), (word, refusal)
    else:
        raise AssertionError(f"no {error}")


def ping():
    assert np.ping()
    assert np.get_health()
    with refused(AuthError):
        client(key="wrong").list_jobs()


def one_command():
    job = np.run(HOST, "echo hi")
    assert job.queue == "FifoQ", job.queue
    result = job.first()
    assert (result.stdout, result.stderr, result.exit_status, result.ok) == ("hi\n", "", 0, True), result
    assert (result.device_name, result.command) == (HOST, "echo hi"), result
    assert job.duration > 0 and job.queue_time >= 0 and job.worker == "hostler_FifoQ", job._data
    assert job.result_type == 1 and job.started_at <= job.ended_at
    assert np.run(HOST, "echo hi", driver_args={"environment": {"A": "x y"}, "working_directory": "/"}).all_ok


def commands_that_fail():
    group = np.run([HOST], ["echo a", "false"])
    results = group.wait().results()
    assert [(it.stdout, it.exit_status, it.ok) for it in results] == [("a\n", 0, True), ("", 1, False)], results
    assert len(group.failed()) == 1 and len(group.succeeded()) == 1, group
    assert not group.all_ok and "1/2 FAILED" in group.summary(), group.summary()


def bulk():
    posts = []
    post = np._http.post
    np._http.post = lambda path, json=None: posts.append((path, json)) or post(path, json=json)
    devices = [{"host": "h.invalid", "port": "none"}, HOST, {"host": HOST, "command": "echo own"}]
    group = np.run(devices, "echo common")
    by_order = [(job.device_name, job.first().stdout) for job in group.jobs]
    assert by_order == [(HOST, "common\n"), (HOST, "own\n")], by_order
    failures = group.failed_devices
    assert [it["host"] for it in failures] == ["h.invalid"] and "port" in failures[0]["reason"], failures
    assert [path for path, _ in posts] == ["/device/bulk"] * 2, posts
    assert [it["host"] for it in posts[1][1]["devices"]] == ["h.invalid"], posts[1]
    with refused(NetPulseError, "All devices failed"):
        np.run([{"host": "h.invalid", "port": "none"}] * 2, "true")


def wrong_password():
    with_wrong = client(password="certainly-wrong")
    job = with_wrong.run(HOST, ["id", "pwd"]).wait()
    assert job.status in ("finished", "failed"), job.status
    result = job.first()
    assert not result.ok and result.exit_status == 1 and result.stderr, result
    assert "certainly-wrong" not in json.dumps(job._data)


def sudo():
    sudo = {"sudo": True, "sudo_password": PASSWORD}
    job = np.run(HOST, config=["id -un", "echo and"], driver_args=sudo)
    assert len(job.wait().results()) == 1
    assert (job.first().stdout, job.first().command) == ("root\nand\n", "id -un\necho and"), job.first()
    assert np.run(HOST, "id -un && id -un", driver_args=sudo).first().stdout == "root\nroot\n"
    stopped = np.run(HOST, config=["echo a", "false", "echo b"])
    assert (stopped.first().stdout, stopped.first().exit_status) == ("a\n", 1), stopped.first()
    went_on = np.run(HOST, config=["echo a", "false", "echo b"], driver_args={"stop_on_error": False})
    assert (went_on.first().stdout, went_on.first().exit_status) == ("a\nb\n", 1), went_on.first()


def script():
    script = {"script_content": "for i in 1 2; do echo $i; done; pwd", "working_directory": "/tmp"}
    result = np.run(HOST, driver_args=script).first()
    assert (result.command, result.stdout, result.ok) == ("script_execution_bash", "1\n2\n/tmp\n", True), result
    asked = np.run(HOST, "read -p 'Name? ' name; echo hello $name", driver_args={"expect_map": {"Name? ": "you"}})
    assert "hello you" in asked.first().stdout, asked.first()


def files():
    with tempfile.TemporaryDirectory() as folder:
        local, back = os.path.join(folder, "a b.bin"), os.path.join(folder, "back")
        content = os.urandom(300_000)
        with open(local, "wb") as file:
            file.write(content)
        for remote in ["/remote/sdk.bin", "/remote/"]:
            result = np.upload(HOST, local, remote)
            assert result.ok and result.metadata["transfer_success"], result
            assert result.metadata["total_bytes"] == len(content), result
        assert np.run(HOST, "cmp /remote/sdk.bin '/remote/a b.bin'").all_ok
        result = np.download(HOST, "/remote/sdk.bin", back)
        assert result.ok and result.download_url, result
        with open(back, "rb") as file:
            assert file.read() == content
        np.fetch_staged_file(result.download_url.split("/storage/fetch/")[1], back)
        with open(back, "rb") as file:
            assert file.read() == content


def detached():
    job = np.run(HOST, "for i in 1 2 3; do echo line $i; sleep 0.5; done; exit 3", detach=True)
    assert job.task_id
    assert job.task_id in [task.task_id for task in np.list_detached_tasks()]
    assert job.first().ok, job.first()
    log = np.get_detached_task(job.task_id, offset=0)
    assert log.is_running and log.next_offset == len(log.output.encode()), log
    assert np.tail_detached_task(job.task_id, poll_interval=0.2) == "line 1\nline 2\nline 3\n"
    ended = np.get_detached_task(job.task_id, offset=7)
    assert (ended.output, ended.completed, ended.is_running) == ("line 2\nline 3\n", True, False), ended
    long = np.run(HOST, "sleep 300", detach=True)
    assert long.first().ok
    assert np.cancel_detached_task(long.task_id)
    assert long.task_id not in [task.task_id for task in np.list_detached_tasks(status="running")]
    with refused(NetworkError, "not found"):
        np.cancel_detached_task(long.task_id)
    group = np.run([HOST, HOST], "true", detach=True)
    names = [job.task_id for job in group.jobs]
    assert all(names) and len(set(names)) == 2, names
    text = json.dumps([task.model_dump() for task in np.list_detached_tasks()])
    assert PASSWORD not in text and json.dumps(PASSWORD)[1:-1] not in text


def discovered():
    job = np.run(HOST, "sleep 300", detach=True)
    assert job.first().ok
    found = np.discover_detached_tasks(HOST)
    assert job.task_id in [task["task_id"] for task in found["tasks"]], found
    assert f"task_{job.task_id}" in [it.id for it in np.discover_jobs()]
    np.cancel_detached_task(job.task_id)


def letters():
    events = [WebhookEvent.model_validate(letter) for letter in given["letters"]]
    assert "".join(item["stdout"] for event in events for item in event.retval) == given["log"]
    assert all(event.ok and event.error is None for event in events), events
    assert [event.final for event in events] == [False] * (len(events) - 1) + [True], events
    assert {event.id for event in events} == {events[0].task_id} and events[0].device == {"host": HOST}, events


def jobs_and_workers():
    done = np.run(HOST, "true").wait()
    again = np.get_job(done.id)
    assert (again.device_name, again.command, again.status) == (HOST, ["true"], "finished"), again._data
    assert done.id in [job.id for job in np.list_jobs(status="finished")]
    running = np.run(HOST, "sleep 300", queue_strategy="pinned")
    waiting = np.run(HOST, "true", queue_strategy="pinned")
    assert running.queue == waiting.queue == f"HostQ_{HOST}"
    assert np.cancel_job(waiting.id)
    assert waiting.wait().status == "canceled"
    with refused(NetworkError, "API error: Job nosuch not found"):
        np.get_job("nosuch")
    with refused(NetworkError, "API error: Job"):
        np.cancel_job("00000000-0000-7000-8000-000000000000")
    workers = {worker.name: worker for worker in np.list_workers()}
    assert {"hostler", "hostler_FifoQ", f"hostler_HostQ_{HOST}"} <= workers.keys(), workers
    assert np.delete_worker(f"hostler_HostQ_{HOST}")
    assert running.wait(timeout=30).status == "canceled"
    with refused(NetworkError, "not found"):
        np.delete_worker("nobody")


def tests():
    good = np.test_connection(HOST)
    assert good.ok and good.remote_version.startswith("SSH-2.0-OpenSSH"), good
    assert good.latency > 0 and good.error is None
    bad = client(password="certainly-wrong").test_connection(HOST)
    assert not bad.ok and bad.error and "certainly-wrong" not in bad.error, bad
    both = np.test_connections([HOST, "h.invalid"])
    assert [it.ok for it in both] == [True, False], both


def templates():
    assert np.render_template("{{ h }} {{ n + 1 }}", {"h": "a", "n": 1}) == "a 2"
    with refused(NetworkError, "API error"):
        np.render_template("{% for %}", {})
    template = "Value NAME (\\S+)\nValue STATE (\\S+)\n\nStart\n  ^${NAME} is ${STATE} -> Record\n"
    rows = np.parse_template("a is up\nb is down\n", name="textfsm", template=template)
    assert rows == [{"NAME": "a", "STATE": "up"}, {"NAME": "b", "STATE": "down"}], rows
    rendered = np.run(HOST, "echo {{ word }}", rendering={"name": "jinja2", "context": {"word": "hi"}})
    assert rendered.first().stdout == "hi\n", rendered.first()
    parsed = np.run(HOST, "echo a is up", parsing={"name": "textfsm", "template": template})
    assert parsed.first().parsed == [{"NAME": "a", "STATE": "up"}], parsed.first()
    with refused(NetworkError):
        np.parse_template("a", name="ttp", template="{{ a }}")


def bad_input():
    with refused(NetworkError, "ttl", "greater than or equal to 1"):
        np.run(HOST, "true", ttl=0)
    with refused(NetworkError, "ttl", "greater than or equal to 1"):
        np.run([HOST, HOST], "true", ttl=0)
    with refused(NetworkError, "Validation error", "host_key_policy"):
        np.run(HOST, "true", connection_args={**CONNECTION, "host_key_policy": "never"})


def no_torn_reads():
    for _ in range(40):
        job = np.run(HOST, "true")
        while not job.is_done():
            job.refresh()
        assert job.result_type == 1 and len(job.results()) == 1, job._data


if __name__ == "__main__":
    globals()[sys.argv[1]]()
