"""What an author of a plugin for Hostler needs, in Python.

A plugin is one file `plugin.py` that derives a class and exports it in its last line:

    from hostler_sdk import driver

    class Nothing(driver.Driver):
        name = "nothing"
        ...

    Driving = driver.export(Nothing)

`hostler_sdk.driver` and `hostler_sdk.policy` say what to derive. What a driver may ask of the daemon has a module each:
`ssh`, `shell`, `sftp`, `transfer`, `local_files`, `detached`, `results`, `secrets`, `clock`, `random`, `control`; a policy
has `log` only. **A module can be imported only if the manifest asks for what it needs**: `shell` for the capability
`shell`, `sftp` and `transfer` for `remote-files`, `local_files` for `local-files`, `detached` for `detach`.

What is different from Python elsewhere:

- `plugin.py` is run once, when it is built; each job gets a copy of what it was then, which is dropped afterwards. So
  imports stand at the top, tables are made at the top, and nothing that is kept lives longer than the job.
- There is no clock, randomness, file, network or environment but what the modules here lend. `time`, `random`, `open` and
  late imports raise a sentence that says what to use instead; `datetime.now()` cannot be caught and ends the plugin.
- `print` writes to the daemon's log.
- What is open is closed by `with`. Whatever is left open is closed at the end of the job, and counts until then.
- An exception that nobody catches becomes the job's error, of the kind `exception`; its traceback is in the daemon's log.
"""

from hostler_sdk import _sandbox
from hostler_sdk.model import Error, Hop, Invalid, Job, Problem, Request, Target

__all__ = ["Error", "Hop", "Invalid", "Job", "Problem", "Request", "Target"]

_sandbox.prepare()
