"""Hundreds of users of two pools, most inactive for too long, while calls fail; some return at the worst moment."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

from local.harness.cloud import LocalCloudError
from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID

DAY = 86_400
INACTIVE_DAYS, WARNING_DAYS = 30, 7
CROWD = {"staff": 70, "partners": 15}  # ListUsers gives 60 in a page
PASSWORD = "Correct-horse-7"
SENDER = "accounts@example.com"

seconds = 60
variables: dict[str, Any] = {}  # `prepare` returns them: they name the pools

FAULTS: list[dict[str, Any]] = [
    # The quota comes first, so that a call that exceeds it is not counted as another fault.
    {
        "principal": "inactive-users",
        "kind": "quota",
        "service": "cognito-idp",
        "operation": "AdminDisableUser",
        "per_second": 25,
        "burst": 25,
    },
    {"kind": "throttle", "rate": 0.05, "principal": "inactive-users"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "inactive-users"},
    {"kind": "reset", "rate": 0.02, "principal": "inactive-users", "after": True},
]


def prepare(stack: Stack) -> dict[str, Any]:
    """Create two pools with users, and a sender that SES has verified. Return the variables."""
    cognito = stack.client("cognito-idp")
    arns = []
    for name in CROWD:
        made = cognito.create_user_pool(PoolName=f"inactive-users-{name}", AutoVerifiedAttributes=["email"])["UserPool"]
        cognito.create_user_pool_client(
            UserPoolId=made["Id"],
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )
        cognito.create_group(UserPoolId=made["Id"], GroupName="break-glass")
        add_users(stack, made["Id"], crowd_of(name))
        arns.append(made["Arn"])
    stack.client("ses").verify_email_identity(EmailAddress=SENDER)
    ses = stack.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="everything")
    ses.put_email_identity_configuration_set_attributes(EmailIdentity=SENDER, ConfigurationSetName="everything")
    return {
        "inactive_users": {
            "user_pool_arns": arns,
            "inactive_days": INACTIVE_DAYS,
            "warning": {"days": WARNING_DAYS, "from_address": SENDER, "emails_per_second": 100},
            "report": {"emails": ["identity-team@example.com"]},
            "exempt_users": ["robot"],
            "exempt_groups": ["break-glass"],
            "disables_per_second": 25,
            "deletion_protection": False,
        }
    }


def crowd_of(pool: str) -> list[str]:
    """Return the names of a pool's existing users, given the pool's name."""
    return [f"{pool}-{number:03d}" for number in range(CROWD[pool])]


def add_users(stack: Stack, pool: str, names: list[str]) -> None:
    """Add confirmed users with a password and a verified address."""
    cognito = stack.client("cognito-idp")

    def add(name: str) -> None:
        attributes = [{"Name": "email", "Value": f"{name}@example.org"}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(UserPoolId=pool, Username=name, UserAttributes=attributes, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)

    with concurrent.futures.ThreadPoolExecutor(8) as workers:
        list(workers.map(add, names))


class Directory:
    """The two pools as a scenario sees them, and the capability's tables."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.cognito = stack, stack.client("cognito-idp")
        self.dynamodb, self.table = stack.client("dynamodb"), stack.outputs["table_name"]
        pools = self.cognito.list_user_pools(MaxResults=60)["UserPools"]
        named = {pool["Name"].removeprefix("inactive-users-"): pool["Id"] for pool in pools}
        self.pools = {name: named[name] for name in CROWD}
        self.clients = {
            pool: self.cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"][0]["ClientId"]
            for pool in self.pools.values()
        }

    def attach(self, **triggers: str) -> None:
        """Set the triggers of both pools. Without arguments, remove them."""
        for pool in self.pools.values():
            self.cognito.update_user_pool(UserPoolId=pool, LambdaConfig=triggers, AutoVerifiedAttributes=["email"])

    def sign_in(self, name: str, pool: str = "staff") -> str:
        """Sign in. Return "signed in", or the message of the refusal."""
        try:
            self.cognito.initiate_auth(
                ClientId=self.clients[self.pools[pool]],
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
            )
        except self.cognito.exceptions.ClientError as refused:
            return str(refused.response["Error"]["Message"])
        return "signed in"

    def recorded(self, name: str) -> dict[str, str]:
        """Sign in as a user of the staff pool. Return the user's item once it is recorded and no copy is in transit.

        After a fault, or an answer later than 0.8 s, the record goes through the queue, perhaps in addition.
        """
        before = self.item(name).get("timestamp", "")
        if (answer := self.sign_in(name)) != "signed in":
            raise LocalCloudError(f"{name} cannot sign in: {answer}")

        def settled() -> Any:
            item = self.item(name) if self.stack.messages(self.stack.outputs["record_queue"]["url"]) == 0 else {}
            return item if item.get("timestamp", "") > before else None

        found: dict[str, str] = wait_until(f"the record of {name}", settled)
        return found

    def items(self, table: str = "") -> list[dict[str, str]]:
        """Return all items of a table, as plain values."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table or self.table, ConsistentRead=True)
        found = [item for page in pages for item in page["Items"]]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in found]

    def item(self, name: str) -> dict[str, str]:
        """Return a user's item, or {} if there is none."""
        return next((item for item in self.items() if item["username"] == name), {})

    def enabled(self) -> dict[str, bool]:
        """Return whether each user of both pools is enabled, by username."""
        pages = self.cognito.get_paginator("list_users")
        return {
            user["Username"]: user["Enabled"]
            for pool in self.pools.values()
            for page in pages.paginate(UserPoolId=pool)
            for user in page["Users"]
        }

    def trail(self) -> dict[str, list[str]]:
        """Return the actions recorded for each user, by sub, oldest first."""
        entries = sorted(self.items(self.stack.outputs["audit_table_name"]), key=lambda entry: entry["event"])
        found: dict[str, list[str]] = collections.defaultdict(list)
        for entry in entries:
            found[entry["sub"]].append(entry["action"])
        return found

    def clean(self) -> None:
        """Restore the pools and tables to their state before the run: only the existing users, without records."""
        for name, pool in self.pools.items():
            pages = self.cognito.get_paginator("list_users").paginate(UserPoolId=pool)
            for user in [user["Username"] for page in pages for user in page["Users"]]:
                self.cognito.admin_delete_user(UserPoolId=pool, Username=user)
            add_users(self.stack, pool, crowd_of(name))
        for table in (self.table, self.stack.outputs["audit_table_name"]):
            schema = self.dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
            for item in self.items(table):
                key = {part["AttributeName"]: {"S": item[part["AttributeName"]]} for part in schema}
                self.dynamodb.delete_item(TableName=table, Key=key)

    def expire(self, days: float) -> int:
        """Run time to live as if `days` had passed. Return how many items it deleted."""
        data = {"table": self.table, "at": time.time() + days * DAY}
        return int(self.stack.cloud.command("dynamodb/expire", data))

    def settle(self, what: str, states: set[str], count: int, seconds: float = 120) -> None:
        """Wait until `count` items are in one of the states, and done."""

        def settled() -> bool:
            found = [item for item in self.items() if item["state"] in states]
            return len([item for item in found if "done_at" in item or item["state"] == "exempt"]) >= count

        wait_until(what, settled, seconds, every=0.5)


def finish(stack: Stack) -> dict[str, Any]:
    """Run the preload to its end. Return its status and output."""
    states, machine = stack.client("stepfunctions"), stack.outputs["preload_state_machine_arn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> Any:
        execution = states.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    done = wait_until("the preload", ended, 120)
    return {"status": done["status"], **json.loads(done.get("output") or "{}")}


def mails(stack: Stack) -> list[dict[str, Any]]:
    """Return the emails that SES sent for this capability."""
    url = f"{stack.cloud.endpoint}/_ministack/ses/messages?account={ACCOUNT_ID}"
    with urllib.request.urlopen(url, timeout=30) as response:
        answer = json.load(response)
    return [mail for mail in answer["messages"].get(ACCOUNT_ID, []) if mail["Source"] == SENDER]


def run(stack: Stack, report: Report) -> None:
    """Simulate a month."""
    directory = Directory(stack)
    directory.attach(
        PostAuthentication=stack.outputs["trigger_function_arns"]["post_authentication"],
        PostConfirmation=stack.outputs["trigger_function_arns"]["post_confirmation"],
    )
    staff = directory.pools["staff"]
    crowd, mailed = sum(CROWD.values()), len(mails(stack))
    report.sent = (
        f"{crowd} users of two pools, two exempt ones,\none signed up, four signing in at bad moments;\n"
        "10 % of the functions' calls fail"
    )
    sign_ins(stack, report, directory)
    add_users(stack, staff, ["robot", "officer", "gone", "late", "later"])
    directory.cognito.admin_add_user_to_group(UserPoolId=staff, Username="officer", GroupName="break-glass")
    started = time.time()
    with stack.faults(*FAULTS, seed=4):
        preload(stack, report, directory, started)
        manual_deletion(report, directory)
        warnings(stack, report, directory, mailed)
        disabling(stack, report, directory)
    races(stack, report, directory)
    administrators(stack, report, directory)
    lost_table(stack, report, directory)
    directory.attach()
    directory.clean()


def sign_ins(stack: Stack, report: Report, directory: Directory) -> None:
    """Check that sign-ins and sign-ups create records, and that a later sign-in extends the period."""
    staff = directory.pools["staff"]
    add_users(stack, staff, ["alice"])
    before = time.time()
    report.check("sign-in works with the trigger attached", directory.sign_in("alice"), "signed in")
    item = wait_until("the record", lambda: directory.item("alice"))
    sub = next(
        attribute["Value"]
        for attribute in directory.cognito.admin_get_user(UserPoolId=staff, Username="alice")["UserAttributes"]
        if attribute["Name"] == "sub"
    )
    five = {name: item.get(name) for name in ("sub", "username", "userpool_id")}
    report.check("its record", five, {"sub": sub, "username": "alice", "userpool_id": staff})
    due = int(item["ttl"]) - (INACTIVE_DAYS - WARNING_DAYS) * DAY
    report.check("dated, and with an end", (item["timestamp"][:2], before - 1 <= due <= time.time() + 1), ("20", True))
    wait_until("the next second", lambda: time.time() >= due + 1)
    report.check("the next sign-in moves the end", int(directory.recorded("alice")["ttl"]) > int(item["ttl"]))
    client_id = directory.clients[staff]
    directory.cognito.sign_up(
        ClientId=client_id,
        Username="newcomer",
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": "newcomer@example.org"}],
    )
    directory.cognito.admin_confirm_sign_up(UserPoolId=staff, Username="newcomer")
    found = wait_until("the record of the sign-up", lambda: directory.item("newcomer"))
    report.check("sign-up makes a record", found["source"], "PostConfirmation")


def preload(stack: Stack, report: Report, directory: Directory, started: float) -> None:
    """Check that existing users get records, and that a second preload changes nothing."""
    here = sum(CROWD.values()) + 7
    done = finish(stack)
    told = {name: done.get(name) for name in ("status", "seen", "added")}
    report.check("preload", told, {"status": "SUCCEEDED", "seen": here, "added": here - 2})
    records = {(item["userpool_id"], item["username"]): item["ttl"] for item in directory.items()}
    report.check("every user of both pools has a record", len(records), here)
    lists = [c for c in stack.cloud.calls(started, "inactive-users-preload") if c["operation"] == "ListUsers"]
    pages = sum(-(-len([key for key in records if key[0] == pool]) // 60) for pool in directory.pools.values())
    report.check("one ListUsers for 60 users", len([c for c in lists if c["status"] == 200 and not c["fault"]]), pages)
    report.check("preload again adds no user", finish(stack).get("added"), 0)
    again = {(item["userpool_id"], item["username"]): item["ttl"] for item in directory.items()}
    report.check("and changes nothing", again == records)


def manual_deletion(report: Report, directory: Directory) -> None:
    """Check that a deletion by hand does not count as an expiry."""
    item = directory.item("gone")
    key = {name: {"S": item[name]} for name in ("sub", "userpool_id")}
    directory.dynamodb.delete_item(TableName=directory.table, Key=key)
    time.sleep(1.5)
    report.check("deleting a record by hand does not disable the user", directory.enabled()["gone"])
    report.check("nor adds an audit entry", directory.trail().get(item["sub"], []), [])


def warnings(stack: Stack, report: Report, directory: Directory, mailed: int) -> None:
    """After 23 days, all users except the exempt ones are warned once, and no user is disabled."""
    crowd = sum(CROWD.values())
    expired = directory.expire(INACTIVE_DAYS - WARNING_DAYS + 0.1)
    report.check("records whose warning is due", expired, crowd + 6)
    directory.settle("the warnings", {"warned", "exempt"}, crowd + 6)
    found = collections.Counter(item["state"] for item in directory.items())
    report.check("warned, exempt", (found["warned"], found["exempt"]), (crowd + 4, 2))
    report.check("no user is disabled yet", [n for n, enabled in directory.enabled().items() if not enabled], [])
    unverified = {"newcomer@example.org"}
    wanted = {f"{i['username']}@example.org" for i in directory.items() if i["state"] == "warned"} - unverified
    report.check("warned by email, at verified addresses", {mail["To"][0] for mail in mails(stack)[mailed:]} == wanted)


def disabling(stack: Stack, report: Report, directory: Directory) -> None:
    """After seven more days, one user has returned, and all others are disabled at the pace of the quota."""
    crowd = sum(CROWD.values())
    # A copy of the record that arrives after the month's end would bring the expired item back.
    report.check("a user signs in after the warning", directory.recorded("later")["state"], "active")
    started = time.time()
    expired = directory.expire(INACTIVE_DAYS + 0.1)
    # Includes the exempt users, who are checked again, and the user who signed in, who is warned again.
    report.check("records whose time is up", expired, crowd + 3 + 3)
    directory.settle("the disabling", {"disabled"}, crowd + 3)
    directory.settle("the rest", {"disabled", "warned", "exempt"}, crowd + 6)
    enabled = directory.enabled()
    kept = {"robot", "officer", "gone", "later"}
    report.check("disabled: all and only those who stayed away", {n for n, yes in enabled.items() if yes}, kept)
    report.check("a disabled user cannot sign in", directory.sign_in("alice"), "User is disabled.")
    report.check("nor in the other pool", directory.sign_in("partners-007", "partners"), "User is disabled.")
    subs = {item["username"]: item["sub"] for item in directory.items()}
    trail = directory.trail()
    expected = {name: ["warned", "disabled"] for name in subs if not enabled[name]} | {
        "newcomer": ["unreachable", "disabled"],
        "robot": ["exempt"],
        "officer": ["exempt"],
        "later": ["warned", "warned"],
    }
    report.check("each user's audit trail", {n: trail.get(s, []) for n, s in subs.items()} == expected)
    calls = stack.cloud.calls(started, "inactive-users-disable")
    disables = [call for call in calls if call["operation"] == "AdminDisableUser"]
    report.check("never beyond 25 a second", [call for call in disables if call["fault"] == "quota"], [])
    good = len([call for call in disables if call["status"] == 200 and not call["fault"]])
    report.check("one AdminDisableUser each, more only after a fault", crowd + 3 <= good + faulty(disables))
    report.check("nothing given up", stack.messages(stack.outputs["failed_queue"]["url"]), 0)


def faulty(calls: list[dict[str, Any]]) -> int:
    """Return the number of calls that an injected fault hit."""
    return len([call for call in calls if call["fault"]])


def races(stack: Stack, report: Report, directory: Directory) -> None:
    """Check sign-ins between expiry and disabling, and during the disabling."""
    staff = directory.pools["staff"]
    client, who = directory.cognito, "inactive-users-disable"
    for name in ("staff-000", "staff-001"):
        client.admin_enable_user(UserPoolId=staff, Username=name)
        report.check(f"{name} is enabled again by hand", directory.recorded(name)["state"], "active")

    def warned() -> bool:
        return all("done_at" in directory.item(name) for name in ("staff-000", "staff-001"))

    directory.expire(INACTIVE_DAYS - WARNING_DAYS + 0.1)
    wait_until("the warnings", warned, 30)
    slow = {"kind": "latency", "seconds": 6, "principal": who}  # leaves time for the sign-in meanwhile, on any machine
    with stack.faults({**slow, "service": "cognito-idp", "operation": "AdminListGroupsForUser"}):
        directory.expire(INACTIVE_DAYS + 0.1)
        wait_until("the expiry", lambda: not directory.item("staff-000"), 10)
        sub = directory.recorded("staff-000")["sub"]
        wait_until("the decision", lambda: directory.trail()[sub][-1] == "kept", 30)
        wait_until("the other", lambda: directory.item("staff-001").get("state") == "disabled", 30)
        wait_until("the third", lambda: not directory.enabled()["later"], 30)
    enabled = directory.enabled()
    names = ("staff-000", "staff-001", "later")
    report.check(
        "signed in before disabling: left alone",
        {name: enabled[name] for name in names},
        dict(zip(names, (True, False, False), strict=True)),
    )

    client.admin_enable_user(UserPoolId=staff, Username="staff-001")
    directory.recorded("staff-001")
    directory.expire(INACTIVE_DAYS - WARNING_DAYS + 0.1)
    wait_until("the warning", lambda: "done_at" in directory.item("staff-001"), 30)
    with stack.faults({**slow, "service": "cognito-idp", "operation": "AdminDisableUser"}):
        directory.expire(INACTIVE_DAYS + 0.1)
        wait_until("the claim", lambda: directory.item("staff-001").get("state") == "disabling", 10)
        report.check("signing in while being disabled", directory.sign_in("staff-001"), "signed in")
        sub = directory.item("staff-001")["sub"]
        wait_until("the restored user", lambda: directory.trail()[sub][-1] == "restored", 30)
    report.check("is enabled again", directory.enabled()["staff-001"])


def administrators(stack: Stack, report: Report, directory: Directory) -> None:
    """Check that the report has every entry of the audit trail, and goes to the administrators' topic."""
    started = time.time()
    tomorrow = datetime.fromtimestamp(started + 86_400, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["report"], Payload=json.dumps({"scheduled_at": tomorrow})
    )
    told = json.load(answer["Payload"])
    kept = collections.Counter(action for actions in directory.trail().values() for action in actions)
    report.check("the report counts the audit trail", told.get("counts"), dict(kept))
    (sent,) = [one for one in stack.cloud.notifications(stack.outputs["report_topic_arn"]) if one["at"] >= started]
    subs = [sub for sub, actions in directory.trail().items() if "restored" in actions]
    report.check("and names the users", subs and all(sub in sent["message"] for sub in subs))


def lost_table(stack: Stack, report: Report, directory: Directory) -> None:
    """Check that sign-ins succeed without the table (the record comes later), and without table and queue."""
    add_users(stack, directory.pools["staff"], ["patient", "unlucky"])
    record = "inactive-users-record"
    down = {"kind": "error", "status": 500, "principal": record}
    with stack.faults({**down, "service": "dynamodb"}):
        report.check("sign-in without the table", directory.sign_in("patient"), "signed in")
    wait_until("the record", lambda: directory.item("patient"), 30)
    report.check("its record comes through the queue", directory.item("patient")["source"], "PostAuthentication")
    with stack.faults(down):
        started = time.time()
        report.check("sign-in without table and queue", directory.sign_in("unlucky"), "signed in")
    function = stack.outputs["trigger_function_arns"]["post_authentication"].rpartition(":")[2]

    def ran() -> int:
        return sum(line.startswith("START RequestId") for line in stack.logged(function, started))

    wait_until("its log", ran, 30)
    report.check("within Cognito's 5 seconds, so that it does not try again", ran(), 1)
    report.check("tried several times", len(stack.cloud.calls(started, record)) > 4)
