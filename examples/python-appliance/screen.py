"""What a terminal shows of what an appliance sends, and whether that is a refusal."""

import re

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|.)")
REFUSAL = re.compile(
    r"%\s*(?:invalid|incomplete|ambiguous|unknown|unrecognized|error|bad|access denied|permission)"
    r"|error:|invalid input|syntax error|unknown command",
    re.IGNORECASE,
)


def lines(sent: bytes) -> str:
    """The lines that stand on the screen in the end, each with a newline: colours are left out, and what was written over is
    gone."""
    text = SEQUENCE.sub("", sent.decode(errors="replace"))
    *whole, last = [overwritten(line) for line in text.split("\n")]
    if last.strip():  # spaces alone are what erased a pager's question
        whole.append(last)
    return "".join(line + "\n" for line in whole)


def overwritten(line: str) -> str:
    """A line after its carriage returns and backspaces."""
    shown: list[str] = []
    cursor, erased = 0, False
    for letter in line.rstrip("\r"):
        if letter == "\r":
            cursor = 0
        elif letter == "\x08":
            cursor = max(0, cursor - 1)
        elif letter >= " " or letter == "\t":
            erased = erased or cursor < len(shown)
            shown[cursor : cursor + 1] = [letter]
            cursor += 1
    text = "".join(shown)
    return text.rstrip() if erased else text


def refusal(answer: str) -> str | None:
    """The line, one of the first three, that says that the appliance does not take what was typed."""
    first = [line.strip() for line in answer.splitlines() if line.strip()][:3]
    return next((line for line in first if REFUSAL.match(line)), None)
