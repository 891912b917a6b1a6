"""country_embargo: upload, edit, break and delete documents; read WAF, notices, history and alarm back."""

from __future__ import annotations

import collections
import itertools
import json
import time
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

variables: dict[str, Any] = {
    "country_embargo": {
        "force_destroy": True,
        "notification_emails": ["security@example.com"],
        "exempt_cidrs": ["198.51.100.7/32", "2001:db8:7::/48"],
        "document_key": "lists/embargo länder +2026.json",
        "forwarded_ip": {},
        "change_limits": {"countries": 250},
    }
}

RULES = ["missing-client-address", "untrusted-client-address", "embargoed-addresses", "embargoed-countries"]
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": "country-embargo"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "country-embargo"},
    {"kind": "reset", "rate": 0.02, "principal": "country-embargo"},
]
BASE = {"embargoed-countries": [{"name": "Christmas Island", "code": "CX"}], "embargoed-ips": []}
FIRST = {
    "embargoed-countries": [{"name": "Antarctica", "code": "AQ"}, {"name": "Bouvet Island", "code": "BV"}],
    "embargoed-ips": [
        {
            "name": "Documentation",
            "ips": [{"Type": "IPV4", "Value": "192.0.2.77/24"}, {"Type": "IPV6", "Value": "2001:DB8:1::/48"}],
        }
    ],
}
SECOND = {
    "embargoed-countries": [{"code": "BV"}, {"code": "HM"}, {"code": "UM"}],
    "embargoed-ips": [
        {"ips": [{"Type": "IPV4", "Value": "192.0.2.0/24"}, {"Type": "IPV4", "Value": "203.0.113.0/24"}]}
    ],
}
REPAIRED = "Embargo repaired: +0 -0 countries, +2 -1 ranges"
INVALID: dict[str, Any] = {
    "an empty file": b"",
    "broken JSON": json.dumps(SECOND).encode()[:-9],
    "a misspelt key": {"embargoed-country": [{"code": "BV"}], "embargoed-ips": []},
    "an unknown country": {"embargoed-countries": [{"code": "BV"}, {"code": "ZZ"}], "embargoed-ips": []},
    "a /0": {"embargoed-countries": [], "embargoed-ips": [{"ips": [{"Type": "IPV4", "Value": "0.0.0.0/0"}]}]},
    "a duplicate": {"embargoed-countries": [{"code": "BV"}, {"code": "BV"}], "embargoed-ips": []},
    "a /2 for a /22": {
        "embargoed-countries": [],
        "embargoed-ips": [{"ips": [{"Type": "IPV4", "Value": "192.0.0.0/2"}]}],
    },
    "nothing embargoed": {"embargoed-countries": [], "embargoed-ips": []},
}


def run(stack: Stack, report: Report) -> None:
    """Upload documents, edit them under faults and lost locks, upload invalid ones, and preview a draft."""
    report.sent = (
        f"3 documents, a fourth with every country,\n{len(INVALID)} invalid documents, a deletion;\n"
        "10 % of the function's calls fail,\nlocks lost"
    )
    base = upload(stack, BASE)
    applied(stack, base)
    report.check("one country", (countries(stack), ranges(stack)), (["CX"], {"IPV4": [], "IPV6": []}))
    past = Past(stack)
    upload(stack, FIRST)
    wait_until("the next document in force", lambda: countries(stack) == ["AQ", "BV"])
    report.check(
        "ranges in force",
        wait_until("the notice", lambda: past.notices("changed") and ranges(stack)),
        {
            "IPV4": ["192.0.2.0/24"],
            "IPV6": ["2001:0db8:0001:0000:0000:0000:0000:0000/48"],
        },
    )
    report.check("web ACL refers to the rule group", acl_rules(stack), [stack.outputs["rule_group_arn"]])
    report.check("which leaves its actions as they are", acl_overrides(stack), [{"None": {}}])
    report.check(
        "exempt ranges pass",
        exempting_rules(stack),
        ["untrusted-client-address", "embargoed-addresses", "embargoed-countries"],
    )
    actions = {rule["Name"]: list(rule["Action"]) for rule in rules(stack)}
    report.check("each rule blocks, also what hides its address", actions, {name: ["Block"] for name in RULES})
    preview(stack, report)

    lock_lost = {"kind": "error", "status": 400, "code": "WAFOptimisticLockException", "count": 2}
    lock_lost |= {"principal": "country-embargo", "service": "wafv2", "operation": "UpdateRuleGroup"}
    with stack.faults(lock_lost, *FAULTS, seed=5):
        edited = upload(stack, SECOND)
        wait_until("the edited document in force", lambda: len(past.reported()) == 2, 90)
    report.check("edited: countries", countries(stack), ["BV", "HM", "UM"])
    report.check("edited: ranges", ranges(stack), {"IPV4": ["192.0.2.0/24", "203.0.113.0/24"], "IPV6": []})
    report.check(
        "notice of the change",
        past.reported()[-1],
        "Embargo changed: +2 -1 countries, +1 -1 ranges",
    )
    report.check(
        "change kept",
        [each for each, _ in itertools.groupby(r["changes"]["countries"] for r in past.records("history/"))],
        [
            {"added": ["AQ", "BV"], "removed": ["CX"]},
            {"added": ["HM", "UM"], "removed": ["AQ"]},
        ],
    )
    same_again(stack, report, edited)
    refused(stack, report, past)

    everything = {"embargoed-countries": [{"code": code} for code in codes(stack)], "embargoed-ips": []}
    upload(stack, everything)
    wait_until("every country", lambda: len(countries(stack)) == len(codes(stack)), 60)
    report.check("250 countries, 50 per statement", statements(stack), [50] * 5)
    wait_until("the last notice", lambda: len(past.reported()) == 3, 120)


def upload(stack: Stack, document: Any) -> str:
    """Upload a document under the module's document key and return its version."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    where = {"Bucket": stack.outputs["bucket_name"], "Key": stack.outputs["document_key"]}
    return str(stack.client("s3").put_object(**where, Body=body)["VersionId"])


def applied(stack: Stack, version: str) -> None:
    """Wait until the call that applied a version has ended. It publishes its notice before it ends."""
    function = stack.outputs["function_names"]["apply"]
    wait_until(
        "the end of the call",
        lambda: any("embargo applied" in line and version in line for line in stack.logged(function)),
        90,
    )


def named(arn: str) -> dict[str, str]:
    """Return the arguments that identify a WAF resource in API calls."""
    name, uid = arn.split("/")[-2:]
    return {"Name": name, "Id": uid, "Scope": "REGIONAL"}


def rules(stack: Stack) -> list[dict[str, Any]]:
    """Return the rules of the rule group."""
    answer = stack.client("wafv2").get_rule_group(**named(stack.outputs["rule_group_arn"]))
    found: list[dict[str, Any]] = answer["RuleGroup"]["Rules"]
    return found


def geo(part: Any) -> list[list[str]]:
    """Return the country codes of each geo match statement."""
    if isinstance(part, list):
        return [codes for each in part for codes in geo(each)]
    if isinstance(part, dict):
        own = [part["CountryCodes"]] if "CountryCodes" in part else []
        return own + [codes for each in part.values() for codes in geo(each)]
    return []


def countries(stack: Stack) -> list[str]:
    """Return the countries in force."""
    return sorted(code for codes in geo(rules(stack)) for code in codes)


def statements(stack: Stack) -> list[int]:
    """Return the number of countries of each geo match statement in force."""
    return [len(codes) for codes in geo(rules(stack))]


def ranges(stack: Stack) -> dict[str, list[str]]:
    """Return the ranges in force, by IP version."""
    wafv2 = stack.client("wafv2")
    arns = stack.outputs["ip_set_arns"]
    return {version: sorted(wafv2.get_ip_set(**named(arn))["IPSet"]["Addresses"]) for version, arn in arns.items()}


def state(stack: Stack) -> Any:
    """Return the rules and ranges in force."""
    return rules(stack), ranges(stack)


def acl_rules(stack: Stack) -> list[str]:
    """Return the ARNs of the rule groups that the web ACL refers to."""
    acl = stack.client("wafv2").get_web_acl(**named(stack.outputs["web_acl_arn"]))["WebACL"]
    return [rule["Statement"]["RuleGroupReferenceStatement"]["ARN"] for rule in acl["Rules"]]


def acl_overrides(stack: Stack) -> list[dict[str, Any]]:
    """Return what the web ACL does with the actions of the rule groups that it refers to."""
    acl = stack.client("wafv2").get_web_acl(**named(stack.outputs["web_acl_arn"]))["WebACL"]
    return [rule["OverrideAction"] for rule in acl["Rules"]]


def exempting_rules(stack: Stack) -> list[str]:
    """Return the names of the rules that exclude two exempt sets."""
    found = []
    for rule in rules(stack):
        statements = rule["Statement"].get("AndStatement", {}).get("Statements", [])
        arns = [one["NotStatement"]["Statement"]["IPSetReferenceStatement"]["ARN"] for one in statements[:-1]]
        if len(arns) == 2 and all("-exempt-" in arn for arn in arns):
            found.append(rule["Name"])
    return found


class Past:
    """The state at a point in time, to find the notices and records that are newer."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.began = stack, time.time()
        self._kept = set(self._keys(""))

    def notices(self, word: str) -> list[dict[str, Any]]:
        """Return the topic's notifications with `word` in the subject."""
        sent = self.stack.cloud.notifications(self.stack.outputs["topic_arn"])
        return [one for one in sent if one["at"] >= self.began and word in one["subject"]]

    def reported(self) -> list[str]:
        """Return each reported change once, in order: concurrent or interrupted calls can report a change twice."""
        return list(dict.fromkeys(notice["subject"] for notice in self.notices("changed")))

    def records(self, prefix: str) -> list[dict[str, Any]]:
        """Return the new records in the bucket, oldest first."""
        s3, bucket = self.stack.client("s3"), self.stack.outputs["bucket_name"]
        keys = [key for key in self._keys(prefix) if key not in self._kept]
        return [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in keys]

    def _keys(self, prefix: str) -> list[str]:
        pages = self.stack.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.stack.outputs["bucket_name"], Prefix=prefix)
        return [one["Key"] for page in found for one in page.get("Contents", [])]


def codes(stack: Stack) -> list[str]:
    """Return the code of every country that WAF knows."""
    found: list[str] = stack.client("wafv2").meta.service_model.shape_for("CountryCode").enum
    return sorted(found)


def calls(stack: Stack, since: float) -> dict[str, int]:
    """Return the number of the apply function's API calls since a time, by operation, without its runtime's calls."""
    made = stack.cloud.calls(since, stack.outputs["function_names"]["apply"])
    return dict(collections.Counter(c["operation"] for c in made if c["service"] in ("wafv2", "s3", "sns")))


def preview(stack: Stack, report: Report) -> None:
    """Check that a draft's preview names the changes and makes none."""
    before, started = state(stack), time.time()
    stack.client("s3").put_object(
        Bucket=stack.outputs["bucket_name"], Key="drafts/next.json", Body=json.dumps(SECOND).encode()
    )

    def previewed(event: Any) -> Any:
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["function_names"]["preview"], Payload=json.dumps(event)
        )
        return json.load(answer["Payload"])

    draft = previewed({"key": "drafts/next.json"})
    expected = {
        "countries": {"added": ["HM", "UM"], "removed": ["AQ"]},
        "ranges": {"added": ["203.0.113.0/24"], "removed": ["2001:db8:1::/48"]},
    }
    report.check("preview of a draft", (draft.get("changes"), draft.get("rule_capacity")), (expected, 23))
    report.check("preview of a bad document", previewed({"document": INVALID["a /0"]}).get("valid"), False)
    made = {c["operation"] for c in stack.cloud.calls(started, stack.outputs["function_names"]["preview"])}
    changing = [operation for operation in made if operation.startswith(("Update", "Publish"))]
    report.check("preview changes nothing", (state(stack) == before, changing), (True, []))


def same_again(stack: Stack, report: Report, edited: str) -> None:
    """Check that an event that changes nothing makes five reads."""
    applied(stack, edited)  # otherwise, that call would also process a newer document
    started = time.time()
    again = upload(stack, SECOND)
    expected = {"GetObject": 2, "GetRuleGroup": 1, "GetIPSet": 2}
    applied(stack, again)
    report.check("same document again: calls", calls(stack, started), expected)


def dead_letters(stack: Stack) -> int:
    """Return the number of events that the apply function failed to process in three attempts."""
    return stack.messages(stack.outputs["dead_letter_queue_url"])


def refused(stack: Stack, report: Report, past: Past) -> None:
    """Check that invalid and deleted documents change nothing, are each reported once, and raise the alarm."""
    before, started, dead = state(stack), time.time(), dead_letters(stack)

    def reported(version: str) -> int:
        return sum(version in notice["message"] for notice in past.notices("REFUSED"))

    versions: list[str] = []
    for number, document in enumerate(INVALID.values(), 1):
        if number == len(INVALID):  # earlier calls, which would also process the last document, must have ended
            wait_until("the last attempts of earlier calls", lambda: dead_letters(stack) >= dead + len(versions))
        versions.append(upload(stack, document))
        wait_until(f"refusal {number}", lambda: reported(versions[-1]))
    wait_until("the last attempt", lambda: dead_letters(stack) >= dead + len(versions))
    report.check("each refusal is reported", [version for version in versions if not reported(version)], [])
    report.check("once, although Lambda tries three times", reported(versions[-1]), 1)
    report.check("refusals kept", len(past.records("refused/")), len(INVALID))
    s3, where = stack.client("s3"), {"Bucket": stack.outputs["bucket_name"], "Key": stack.outputs["document_key"]}
    s3.delete_object(**where)
    wait_until("the end of the calls for the deletion", lambda: dead_letters(stack) > dead + len(versions))
    updates = [name for name in calls(stack, started) if name.startswith("Update")]
    report.check("invalid and deleted documents change nothing", (state(stack) == before, updates), (True, []))
    report.check("alarm", alarm(stack, "country-embargo-errors"))
    repaired(stack, report, past, before)


def alarm(stack: Stack, name: str) -> Any:
    """Wait for an alarm."""
    full = next(one for one in stack.outputs["alarm_names"] if one.endswith(name))

    def raised() -> Any:
        found = stack.client("cloudwatch").describe_alarms(AlarmNames=[full])["MetricAlarms"][0]
        return found["StateValue"] == "ALARM"

    return wait_until("the alarm", raised, 30)


def repaired(stack: Stack, report: Report, past: Past, before: Any) -> None:
    """Check that the schedule repairs what another principal changed, although the document is deleted."""
    wafv2, dead = stack.client("wafv2"), dead_letters(stack)
    counting = [{**rule, "Action": {"Count": {}}} for rule in rules(stack)]
    group = wafv2.get_rule_group(**named(stack.outputs["rule_group_arn"]))
    shown = {key: group["RuleGroup"][key] for key in ("VisibilityConfig", "Description")}
    wafv2.update_rule_group(
        **named(stack.outputs["rule_group_arn"]), **shown, Rules=counting, LockToken=group["LockToken"]
    )
    addresses = stack.outputs["ip_set_arns"]["IPV4"]
    found = wafv2.get_ip_set(**named(addresses))
    wafv2.update_ip_set(
        **named(addresses),
        Description=found["IPSet"]["Description"],
        Addresses=["203.0.113.7/32"],
        LockToken=found["LockToken"],
    )
    fire = {"name": f"{stack.outputs['function_names']['apply']}-repair", "account": ACCOUNT_ID, "region": REGION}
    stack.cloud.command("scheduler/fire", fire)
    wait_until("the repair", lambda: past.notices("repaired"), 60)
    report.check("manual changes are repaired", state(stack) == before)
    report.check("and reported", past.notices("repaired")[0]["subject"], REPAIRED)
    report.check("with an alarm", alarm(stack, "country-embargo-drift"))
    wait_until("the last attempt", lambda: dead_letters(stack) > dead)
