"""A driver that runs commands, and stops at the first that fails."""

from hostler_sdk import Error, Invalid, Job, Problem, Request, Target, driver, secrets, ssh
from hostler_sdk.driver import Item, Normalised


class Plugin(driver.Driver):
    name = "{{name}}"
    version = "0.1.0"
    summary = "Runs commands until one fails."
    connection_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["host", "username", "password"],
        "properties": {
            "host": {"type": "string", "minLength": 1, "description": "Name or address."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 22},
            "username": {"type": "string", "minLength": 1},
            "password": {"type": "string", "writeOnly": True},
            "host_key_policy": {
                "enum": ["auto_add", "reject", "warning"],
                "default": "reject",
                "description": "What to do with a host key that is not on record: auto_add records it, reject refuses it, "
                "warning accepts it for this job. All refuse a changed key.",
            },
        },
    }
    driver_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "timeout": {"type": "number", "exclusiveMinimum": 0, "default": 30, "description": "Seconds for each command."},
        },
    }

    def validate(self, request: Request) -> Normalised:
        if not request.command:
            raise Invalid(Problem(["command"], "missing", "Give the commands to run."))
        if request.config:
            raise Invalid(Problem(["config"], "unsupported", "Give `command`: this driver does not know `config`."))
        args = request.connection_args
        args = request.connection_args = {"port": 22, "host_key_policy": "reject"} | args
        request.driver_args = {"timeout": 30} | request.driver_args
        return Normalised(Target(args["host"], args["port"], args["username"]), request)

    def connect(self, job: Job) -> ssh.Session:
        # The password itself is never seen here: it is handed over.
        with secrets.get("connection_args.password") as password:
            return ssh.connect(
                [ssh.Password(password)], host_key_policy=job.request.connection_args["host_key_policy"]
            )

    def execute(self, job: Job) -> list[Item]:
        timeout_ms = max(1, int(job.request.driver_args["timeout"] * 1000))
        items = []
        with self.connect(job) as session:
            for command in job.request.command:
                run = session.run(command, timeout_ms=timeout_ms)
                items.append(Item(command, run.id))
                if run.exit_status != 0:
                    raise Error("command-failed", "exec", f"`{command}` failed: see what it wrote.")
        return items


Driving = driver.export(Plugin)
