"""A policy that fails where a command, or its settings, say so."""

from hostler_sdk import log, policy
from hostler_sdk.policy import Allow, Amend, Deny


class Trouble(policy.Policy):
    name = "policy-trouble"
    version = "0.1.0"
    summary = "Fails in every place."
    settings_schema = {"type": "object"}

    def check_settings(self, settings):
        if settings:
            raise ValueError("not caught in check_settings")

    def review(self, context, job):
        match (job.request.command or [""])[0]:
            case "review":
                raise ValueError("not caught in review")
            case "no-verdict":
                return None
            case "amended":
                return Amend([{"op": "replace", "path": "/command/0", "value": "echo better"}], "It is better.")
        return Allow()

    def authorize(self, context, action):
        log.debug(f"{action.kind} at {context.now_ms}")
        if "authorize" in action.details.get("command", ""):
            raise ValueError("not caught in authorize")
        if "forbidden" in action.details.get("command", ""):
            return Deny("forbidden", "Nobody may do that.")
        return Allow()


Judging = policy.export(Trouble)
