"""A driver that does what a plugin in Python should not do: `driver_args.trouble` says what."""

import csv  # noqa: F401
import datetime
import os
import pathlib
import random
import time
from random import choice

from hostler_sdk import Error, Invalid, Problem, Target, clock, control, driver, results, secrets, ssh
from hostler_sdk import random as numbers
from hostler_sdk.driver import Item, Normalised


class Trouble(driver.Driver):
    name = "trouble"
    version = "0.1.0"
    summary = "Fails in many ways."
    connection_schema = {
        "type": "object",
        "properties": {"host": {}, "port": {}, "username": {}, "password": {"writeOnly": True}},
    }
    driver_schema = {"type": "object"}

    def validate(self, request):
        match request.driver_args.get("trouble"):
            case "validate":
                raise KeyError("not caught in validate")
            case "invalid":
                raise Invalid(Problem(["driver_args", "trouble"], "value_error", "There is too much of it."))
            case "wrong-path":
                raise Invalid(Problem("trouble", "value_error", "A text is no path."))
            case "wrong-code":
                raise Invalid(Problem(["driver_args", "trouble"], 422, "A number is no word."))
            case "no-answer":
                return None
        args = request.connection_args
        return Normalised(Target(args["host"], args["port"], args["username"]), request)

    def connect(self, job):
        if job.target.user == "trouble":
            raise ValueError("not caught in connect")
        with secrets.get("connection_args.password") as password:
            return ssh.connect([ssh.Password(password)], host_key_policy="auto_add")

    def execute(self, job):
        trouble = job.request.driver_args["trouble"]
        if trouble == "wrong-item":
            return [Item(trouble, "one")]
        shown = getattr(self, trouble)(job)
        return [Item(trouble, results.keep(trouble, str(shown)))]

    def error(self, job):
        raise Error("out-of-paper", "exec", "Put paper in.")

    def exception(self, job):
        try:
            return {}["missing"]
        except KeyError as error:
            raise RuntimeError("half a letter \ud800, and " + "x" * 5000) from error

    def unshowable(self, job):
        class Unshowable(Exception):
            def __str__(self):
                raise ValueError("no")

        raise Unshowable

    def exit(self, job):
        raise SystemExit(3)

    def recursion(self, job):
        return self.recursion(job)

    def memory(self, job):
        kept = []
        while True:
            kept.append(bytes(1 << 20))

    def trap(self, job):
        return datetime.datetime.now()

    def time(self, job):
        return time.time()

    def random(self, job):
        return random.choice("ab")

    def by_name(self, job):
        return choice("ab")

    def gauss(self, job):
        return random.gauss()

    def urandom(self, job):
        return os.urandom(1)

    def open(self, job):
        return open("/etc/passwd")

    def path(self, job):
        return pathlib.Path("/etc/passwd").read_text()

    def late_import(self, job):
        import sqlite3

        return sqlite3

    def wrong_type(self, job):
        return results.keep("x", 5)

    def wrong_number(self, job):
        return clock.sleep(-1)

    def closed(self, job):
        session = self.connect(job)
        with session:
            pass
        return session.run("true").id

    def lost(self, job):
        """A way to log in whose secret was closed."""
        with secrets.get("connection_args.password") as password:
            ways = [ssh.Password(password)]
        return ssh.connect(ways)

    def left_open(self, job):
        """Nothing is wrong with it, but for what is not closed."""
        kept = [self.connect(job) for _ in range(2)]
        return kept[1].run("echo left open").stdout.decode()

    def nap(self, job):
        begun = clock.now_ms()
        clock.sleep(10_000)
        return f"{begun} {clock.now_ms()}"

    def lent(self, job):
        """What the daemon lends in place of Python's own."""
        print("printed", end=" ")
        print("in two parts")
        before = clock.now_ms()
        clock.sleep(20)
        passed = clock.now_ms() - before
        different = numbers.bytes(16) != numbers.bytes(16)
        return passed >= 20, different, 0 < control.time_left_ms() < 24 * 3_600_000, control.canceled()


Driving = driver.export(Trouble)
