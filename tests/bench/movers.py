"""The peers of the benchmark `files`: one file, up or down, over a connection of its own.

Called as `movers.py PEER DIRECTION LOCAL REMOTE PORT KEY_FILE`, where PEER is `paramiko` or `asyncssh` and DIRECTION
is `upload` or `download`. Prints `SECONDS CPU_SECONDS`, login included.
"""

import asyncio
import resource
import sys
import time

HOST, USER, CIPHER = "127.0.0.1", "admin", "aes128-gcm@openssh.com"


def with_paramiko(direction, local, remote, port, key_file):
    import paramiko

    yield
    transport = paramiko.Transport((HOST, port))
    transport.get_security_options().ciphers = [CIPHER]
    transport.connect(username=USER, pkey=paramiko.Ed25519Key.from_private_key_file(key_file))
    sftp = paramiko.SFTPClient.from_transport(transport)
    if direction == "upload":
        sftp.put(local, remote)
    else:
        sftp.get(remote, local)
    transport.close()


def with_asyncssh(direction, local, remote, port, key_file):
    import asyncssh

    async def move():
        options = {"username": USER, "client_keys": [key_file], "known_hosts": None, "encryption_algs": [CIPHER]}
        async with asyncssh.connect(HOST, port, **options) as session:
            async with session.start_sftp_client() as sftp:
                if direction == "upload":
                    await sftp.put(local, remote)
                else:
                    await sftp.get(remote, local)

    yield
    asyncio.run(move())


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    peer = {"paramiko": with_paramiko, "asyncssh": with_asyncssh}[sys.argv[1]]
    run = peer(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6])
    next(run)  # imports, which are not measured
    wall_before, cpu_before = time.monotonic(), cpu()
    for _ in run:
        pass
    print(time.monotonic() - wall_before, cpu() - cpu_before)


main()
