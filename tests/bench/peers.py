"""The peers of the benchmarks: `echo hi` many times, some at a time.

Called as `peers.py PEER JOBS AT_ONCE PORT KEY_FILE`, where PEER is `paramiko` or `asyncssh`, which make a
connection for each, or `asyncssh-pooled`, which makes one for all. Prints `SECONDS CPU_SECONDS`.
"""

import asyncio
import functools
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


def with_asyncssh(jobs, at_once, port, key_file, pooled=False):
    import asyncssh

    key = asyncssh.read_private_key(key_file)

    def connect():
        return asyncssh.connect(HOST, port, username=USER, client_keys=[key], known_hosts=None)

    async def echo(session):
        answer = (await session.run(COMMAND)).stdout
        assert answer == ANSWER, answer

    async def worker(left, session):
        for _ in left:
            if session:
                await echo(session)
            else:
                async with connect() as own:
                    await echo(own)

    async def workers(session):
        left = iter(range(jobs))
        await asyncio.gather(*(worker(left, session) for _ in range(at_once)))

    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(connect()) if pooled else None
    yield
    loop.run_until_complete(workers(session))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    pooled = functools.partial(with_asyncssh, pooled=True)
    peer = {"paramiko": with_paramiko, "asyncssh": with_asyncssh, "asyncssh-pooled": pooled}[sys.argv[1]]
    run = peer(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    next(run)  # imports, reads the key and makes the one connection, which is not measured
    wall_before, cpu_before = time.monotonic(), cpu()
    for _ in run:
        pass
    print(time.monotonic() - wall_before, cpu() - cpu_before)


main()
