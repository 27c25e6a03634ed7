"""A policy that denies commands that hold one of some words."""

from hostler_sdk import Job, policy
from hostler_sdk.policy import Action, Allow, Amend, Context, Deny


class Plugin(policy.Policy):
    name = "{{name}}"
    version = "0.1.0"
    summary = "Denies commands that hold one of the words of its settings."
    settings_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "words": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": ["reboot", "shutdown"]},
        },
    }

    def review(self, context: Context, job: Job) -> Allow | Deny | Amend:
        # What a job names is denied at once, before anybody logs in.
        for line in [*(job.request.command or []), *(job.request.config or [])]:
            if word := forbidden(context, line):
                return denied(word)
        return Allow()

    def authorize(self, context: Context, action: Action) -> Allow | Deny:
        match action.kind:
            case "connect":
                return Allow()
            case "exec":
                details = action.details
                # A shell runs what it reads.
                if details.get("stdin") is not None or details.get("answers"):
                    return Deny("input", "Commands may be given no input: neither a script nor answers.")
                # What is sent in the end, sudo and all.
                word = forbidden(context, details["wire"])
                return denied(word) if word else Allow()
        return Deny("cannot-judge", f"This policy does not know actions of the kind `{action.kind}`.")


def forbidden(context: Context, line: str) -> str | None:
    """The word that a line must not hold."""
    words = context.settings.get("words", ["reboot", "shutdown"])
    return next((word for word in words if word in line), None)


def denied(word: str) -> Deny:
    return Deny("word", f"Commands with `{word}` are not allowed here.")


Judging = policy.export(Plugin)
