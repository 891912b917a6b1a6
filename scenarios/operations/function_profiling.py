"""Agents report as their functions' roles, the service recommends, and each change is announced once, under faults."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until

ROLE = "profiling-orders"
FUNCTION = "switchyard-function-profiling"
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.15, "principal": FUNCTION},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": FUNCTION},
]
PATTERN = {
    "id": "sdk-client-recreation",
    "name": "Recreation of AWS SDK service clients",
    "description": "The application creates a client in each call.",
    "resolutionSteps": "Create the client once, in initialization code.",
}

variables: dict[str, Any] = {
    "function_profiling": {
        "functions": {
            "orders": {"function_name": "orders", "runtime": "python3.12", "role_name": ROLE},
            "invoices": {"function_name": "invoices", "runtime": "python3.9", "agent": "layer"},
        },
        "notification_emails": ["developers@example.com"],
        "force_destroy": True,
    }
}
tour = True


def prepare(stack: Stack) -> None:
    """Create the role of a function that runs already."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    with contextlib.suppress(ClientError):  # a second stack in the same account
        stack.client("iam").create_role(
            RoleName=ROLE,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )


def agent(stack: Stack) -> Any:
    """Return the API as the function's role calls it."""
    role = stack.client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    made = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="agent")["Credentials"]
    return stack.client(
        "codeguruprofiler",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )


def send_profile(api: Any, group: str) -> bool | str:
    """Do what an agent does every five minutes. Return whether it may profile, or the code of the refusal."""
    try:
        told = api.configure_agent(profilingGroupName=group, fleetInstanceId="one")["configuration"]
        api.post_agent_profile(profilingGroupName=group, contentType="application/json", agentProfile=b"{}")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return bool(told["shouldProfile"])


def review(stack: Stack) -> dict[str, Any]:
    """Call the function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["function_names"]["review"], Payload="{}")
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def rows(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return the rows of the report by key."""
    answer = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key="report.json")
    return {row["key"]: row for row in json.load(answer["Body"])["groups"]}


def notices(stack: Stack, since: float) -> list[str]:
    """Return the messages that the topic sent since then."""
    sent = stack.cloud.notifications(stack.outputs["topic_arn"])
    return [notice["message"] for notice in sent if notice["at"] >= since]


def settled(stack: Stack) -> None:
    """Review until nothing changes any more, as events of earlier changes can still arrive."""
    wait_until("a review without changes", lambda: review(stack).get("changes") == 0)


def run(stack: Stack, report: Report) -> None:
    """Report as the agent, then let the service find a defect, repeat itself, and see it ended."""
    report.sent = (
        "a profile as the function's role, a recommendation,\n"
        "its repetition, its end, a silent function;\n25 % of the function's calls fail"
    )
    orders, invoices = (stack.outputs["group_names"][key] for key in ("orders", "invoices"))
    command, api = stack.cloud.command, agent(stack)
    report.check("the agent may send profiles", wait_until("the policy", lambda: send_profile(api, orders)))
    report.check("not to another function's group", send_profile(api, invoices), "AccessDeniedException")
    command("codeguruprofiler/settle", {"group": orders})
    command("codeguruprofiler/reported", {"group": invoices, "days_ago": 0})
    settled(stack)
    began = time.time()
    with stack.faults(*FAULTS, seed=5):
        command("codeguruprofiler/recommend", {"group": orders, "pattern": PATTERN})
        found = wait_until("the recommendation", lambda: rows(stack)["orders"]["recommendations"])
    report.check("the recommendation is in the report", [item["id"] for item in found], [PATTERN["id"]])
    settled(stack)
    command("codeguruprofiler/heartbeat", {"group": orders})
    settled(stack)
    text = "orders: recommended: Recreation of AWS SDK service clients"
    report.check("announced once", [text in message for message in notices(stack, began)], [True])
    message = notices(stack, began)[0]
    report.check("with what to do", PATTERN["resolutionSteps"] in message)

    began = time.time()
    command("codeguruprofiler/reported", {"group": invoices, "days_ago": 4})
    command("codeguruprofiler/settle", {"group": orders})
    ended = wait_until("the end", lambda: not rows(stack)["orders"]["recommendations"])
    report.check("the end is in the report", ended)
    settled(stack)
    messages = "\n".join(notices(stack, began))
    report.check("the end is announced", "orders: ended: Recreation" in messages)
    report.check("a silent function is announced", "invoices: silent: no profile for more than 3 days" in messages)
    report.check(
        "statuses", {k: row["status"] for k, row in rows(stack).items()}, {"orders": "profiled", "invoices": "silent"}
    )
