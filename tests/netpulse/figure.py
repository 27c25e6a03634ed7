"""How long the SDK takes for a bulk run of 40 commands that do nothing, on the default queue. NetPulse took 33 s.

Standard input: as `acceptance.py` has it. Prints the seconds of each of five runs, one a line.
"""

import json
import sys
import time

from netpulse_sdk import NetPulseClient

given = json.load(sys.stdin)
connection = {name: value for name, value in given["connection_args"].items() if name != "host"}
np = NetPulseClient(given["address"], given["key"], driver="paramiko", default_connection_args=connection)
for _ in range(5):
    start = time.perf_counter()
    group = np.run([given["connection_args"]["host"]] * 40, "true").wait()
    seconds = time.perf_counter() - start
    assert group.all_ok and len(group) == 40, group.summary()
    print(seconds)
