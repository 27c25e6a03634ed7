"""How the job stands. A driver need not ask: calls that act fail by themselves when the job has to end. It helps who begins
something that should not stop halfway."""

from wit_world.imports import control as wit


def time_left_ms() -> int:
    """Milliseconds until the job's time is up. 0 once it is up or the job is canceled, and where there is no job."""
    return wit.time_left_ms()


def canceled() -> bool:
    """Whether somebody canceled the job. False where there is no job."""
    return wit.canceled()
