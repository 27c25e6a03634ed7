"""Submits, follows and cancels jobs through the client that was generated; fails where something is not as it should be.

Standard input: the daemon's address and key, a request, and one that takes long.
"""

import json
import sys

from client import AuthenticatedClient
from client.api.jobs import cancel_job, follow_job, get_job, list_jobs, submit_job
from client.models import DryRun, Job, JobRequest, Problem, State

given = json.load(sys.stdin)
client = AuthenticatedClient(given["address"], given["key"], prefix="", auth_header_name="X-API-KEY", timeout=70)


def submit(request, **more):
    return submit_job.sync(client=client, body=JobRequest.from_dict(request), **more)


def reaches(job, states):
    while job.state not in states:
        job = get_job.sync(job.id, client=client, wait=1)
        assert isinstance(job, Job), job
    return job


job = submit(given["request"], idempotency_key="generated")
assert isinstance(job, Job), job
job = reaches(job, {State.FINISHED})
assert (job.results[0].stdout, job.results[0].exit_status) == ("Linux\n", 0), job
assert submit(given["request"], idempotency_key="generated").id == job.id
events = follow_job.sync(job.id, client=client)
assert "event: output" in events and "event: end" in events, events

page = list_jobs.sync(client=client, state=[State.FINISHED], limit=1)
assert page.jobs[0].id == job.id, page

plan = submit({**given["request"], "dry_run": True})
assert isinstance(plan, DryRun) and plan.target.host == given["request"]["connection_args"]["host"], plan

problem = submit({**given["request"], "ttl": -1})
assert isinstance(problem, Problem) and problem.problems[0].path == ["ttl"], problem

job = reaches(submit(given["long"]), {State.STARTED})
assert isinstance(cancel_job.sync(job.id, client=client), Job)
job = reaches(job, {State.CANCELED})
assert isinstance(cancel_job.sync(job.id, client=client), Problem)
