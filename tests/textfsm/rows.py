"""What Google's textfsm makes of the templates and texts on standard input: a list of rows for each, or null for an error."""

import io
import json
import sys

from textfsm import TextFSM


def rows(case):
    try:
        return TextFSM(io.StringIO(case["template"])).ParseTextToDicts(case["text"])
    # Not only its own errors: it lets those of `re` through.
    except Exception:
        return None


json.dump([rows(case) for case in json.load(sys.stdin)], sys.stdout)
