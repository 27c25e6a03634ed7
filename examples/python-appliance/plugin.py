"""A driver for appliances with a command line instead of commands: `show` lines, enable mode, configuration."""

from contextlib import nullcontext

from hostler_sdk import Error, Invalid, Job, Problem, Request, Target, driver, results, secrets, ssh
from hostler_sdk.driver import Item, Normalised

from screen import refusal
from terminal import Terminal

SAVE = "write memory"


class PythonAppliance(driver.Driver):
    name = "python-appliance"
    version = "0.1.0"
    summary = "Types lines into the command line of a switch or router."
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
            "host_key_policy": {"enum": ["auto_add", "reject", "warning"], "default": "reject"},
        },
    }
    driver_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "enable_password": {
                "type": "string",
                "writeOnly": True,
                "description": "Typed where `enable` asks for it. Given: lines are typed in enable mode.",
            },
            "save": {"type": "boolean", "default": False, "description": f"Saves the configuration at the end (`{SAVE}`)."},
            "timeout": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 3600,
                "default": 30,
                "description": "Seconds that are waited for each prompt, and for each page.",
            },
        },
    }

    def validate(self, request: Request) -> Normalised:
        problems = list(wrong_lines(request))
        if problems:
            raise Invalid(*problems)
        args = request.connection_args
        args = request.connection_args = {"port": 22, "host_key_policy": "reject"} | args
        request.driver_args = {"save": False, "timeout": 30} | request.driver_args
        return Normalised(Target(args["host"], args["port"], args["username"]), request)

    def connect(self, job: Job) -> ssh.Session:
        with secrets.get("connection_args.password") as password:
            return ssh.connect(
                [ssh.Password(password)], host_key_policy=job.request.connection_args["host_key_policy"]
            )

    def execute(self, job: Job) -> list[Item]:
        request = job.request
        with self.connect(job) as session, Terminal(session, timeout_ms(request)) as terminal:
            if request.config or request.driver_args["save"] or "driver_args.enable_password" in request.secrets:
                with secrets.find("driver_args.enable_password") or nullcontext() as password:
                    terminal.enable(password)
            items = [ask(terminal, line) for line in request.command or []]
            if request.config:
                items.append(configure(terminal, request.config))
            if request.driver_args["save"]:
                items.append(ask(terminal, SAVE))
            return items


def wrong_lines(request: Request):
    """What is wrong with the lines of a request."""
    if request.command and request.config:
        yield Problem(["config"], "value_error", "Give either `command` or `config`, not both.")
    if not (request.command or request.config or request.driver_args.get("save")):
        yield Problem(["command"], "missing", "Give the lines to type, or `save`.")
    for field in ["command", "config"]:
        for index, line in enumerate(getattr(request, field) or []):
            if not line.strip():
                yield Problem([field, index], "string_too_short", "A line needs at least one character.")
            elif not line.isprintable():
                message = "A line cannot hold control characters: give each line by itself."
                yield Problem([field, index], "value_error", message)


def timeout_ms(request: Request) -> int:
    return max(1, int(request.driver_args["timeout"] * 1000))


def ask(terminal: Terminal, line: str) -> Item:
    """A line with a result of its own."""
    answer = terminal.ask(line)
    refused = refusal(answer)
    item = Item(line, results.keep(line, answer, int(refused is not None)))
    if refused:
        raise rejected(line, refused)
    return item


def configure(terminal: Terminal, lines: list[str]) -> Item:
    """All lines with one result, which shows what the terminal showed. A line that is rejected is the last one."""
    shown, refused = "", None
    for line in ["configure terminal", *lines]:
        shown += f"{terminal.at} {line}\n"
        answer = terminal.ask(line)
        shown += answer
        refused = refusal(answer)
        if refused:
            break
    shown += f"{terminal.at} end\n" + terminal.ask("end")
    name = "\n".join(lines)
    item = Item(name, results.keep(name, shown, int(refused is not None)))
    if refused:
        raise rejected(line, refused)
    return item


def rejected(line: str, reason: str) -> Error:
    return Error("command-rejected", "exec", f"The appliance rejected `{line}`: {reason}")


Driving = driver.export(PythonAppliance)
