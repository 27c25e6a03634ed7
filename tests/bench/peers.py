"""The peers of the benchmark `ssh_jobs`: `echo hi` over a fresh connection, many times, some at a time.

Called as `peers.py paramiko|asyncssh JOBS AT_ONCE PORT KEY_FILE`. Prints `SECONDS CPU_SECONDS`.
"""

import asyncio
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HOST, USER, COMMAND, ANSWER = "127.0.0.1", "admin", "echo hi", "hi\n"


def with_paramiko(jobs, at_once, port, key_file):
    import paramiko

    key = paramiko.Ed25519Key.from_private_key_file(key_file)

    def job(_):
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(HOST, port, USER, pkey=key, look_for_keys=False, allow_agent=False)
        _, stdout, _ = client.exec_command(COMMAND)
        answer = stdout.read().decode()
        client.close()
        assert answer == ANSWER, answer

    with ThreadPoolExecutor(at_once) as threads:
        yield
        list(threads.map(job, range(jobs)))


def with_asyncssh(jobs, at_once, port, key_file):
    import asyncssh

    key = asyncssh.read_private_key(key_file)

    async def worker(left):
        for _ in left:
            async with asyncssh.connect(HOST, port, username=USER, client_keys=[key], known_hosts=None) as session:
                answer = (await session.run(COMMAND)).stdout
            assert answer == ANSWER, answer

    async def workers():
        left = iter(range(jobs))
        await asyncio.gather(*(worker(left) for _ in range(at_once)))

    yield
    asyncio.run(workers())


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    peer = {"paramiko": with_paramiko, "asyncssh": with_asyncssh}[sys.argv[1]]
    run = peer(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    next(run)  # imports and reads the key, which is not measured
    wall_before, cpu_before = time.monotonic(), cpu()
    for _ in run:
        pass
    print(time.monotonic() - wall_before, cpu() - cpu_before)


main()
