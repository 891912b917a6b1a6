"""Open buckets to external principals in every way; check notices and shut-offs, under throttling and repeats."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

OUTSIDER, PARTNER = "222222222222", "333333333333"
FUNCTION = "switchyard-access-analyzer"
PREFIX = "outreach-"
OFF = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
ON = dict.fromkeys(OFF, True)
MANY = 8
"""Number of buckets that are found at once: enough for a digest."""

seconds = 40

variables: dict[str, Any] = {
    "access_analyzer": {
        "archive_rules": {
            "partner": [
                {"criteria": "resource", "contains": [f":::{PREFIX}partner"]},
                {"criteria": "principal.AWS", "eq": [PARTNER]},
            ]
        },
        "exempt": {"bucket_names": [f"{PREFIX}website*"], "access_point_names": [f"{PREFIX}kept*"]},
        "force_destroy": True,
        # Other scenarios have public buckets of their own.
        "shut_off": {
            "bucket_names": [f"{PREFIX}*"],
            "public_access_points": "access_point",
            "cross_account_access_points": True,
        },
    }
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": FUNCTION},
    # The work is done and the response is lost. (Not for SNS: a message sent again is a second message.)
    *(
        {"kind": "error", "status": 500, "rate": 0.1, "after": True, "service": service, "principal": FUNCTION}
        for service in ("access-analyzer", "dynamodb", "s3")
    ),
]


def prepare(stack: Stack) -> None:
    """Create a bucket that is shared before the analyzer exists, and stays shared."""
    Bucket(World(stack), "before").create().share(OUTSIDER)


def document(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


def principal_of(account: str) -> Any:
    """Return the principal of a whole account, or the public."""
    return "*" if account == "*" else {"AWS": f"arn:aws:iam::{account}:root"}


class Bucket:
    """One bucket with one object, with Block Public Access off, and the grants that open it."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.arn = world, f"{PREFIX}{name}", f"arn:aws:s3:::{PREFIX}{name}"
        self.policy: list[dict[str, Any]] = []
        world.buckets.append(self)

    def create(self) -> Bucket:
        """Create the bucket."""
        s3 = self.world.s3
        self.world.made.append(self.name)
        s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=OFF)
        s3.put_object(Bucket=self.name, Key="report.csv", Body=b"figures")
        return self

    def share(self, account: str) -> Bucket:
        """Share it by bucket policy."""
        who = principal_of(account)
        self.policy.append({"Principal": who, "Action": "s3:GetObject", "Resource": f"{self.arn}/*"})
        self.world.s3.put_bucket_policy(Bucket=self.name, Policy=document(*self.policy))
        return self

    def publish_by_acl(self) -> Bucket:
        """Make it public by ACL: the public may list it."""
        ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        self.world.s3.put_bucket_ownership_controls(Bucket=self.name, OwnershipControls=ownership)
        self.world.s3.put_bucket_acl(Bucket=self.name, ACL="public-read")
        return self

    def share_through(self, point: str, account: str) -> str:
        """Share it by an access point to which the bucket delegates access control. Return the access point's alias."""
        control = self.world.control
        self.policy.append(
            {
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [self.arn, f"{self.arn}/*"],
                "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT_ID}},
            }
        )
        self.world.s3.put_bucket_policy(Bucket=self.name, Policy=document(*self.policy))
        control.create_access_point(
            AccountId=ACCOUNT_ID, Name=point, Bucket=self.name, PublicAccessBlockConfiguration=OFF
        )
        granted = {"Principal": principal_of(account), "Action": "s3:GetObject"}
        resource = f"{point_arn(point)}/object/*"
        control.put_access_point_policy(
            AccountId=ACCOUNT_ID, Name=point, Policy=document({**granted, "Resource": resource})
        )
        self.world.points.append(point)
        return str(control.get_access_point(AccountId=ACCOUNT_ID, Name=point)["Alias"])

    def block(self) -> dict[str, bool]:
        """Return the settings of Block Public Access."""
        found: dict[str, bool] = self.world.s3.get_public_access_block(Bucket=self.name)[
            "PublicAccessBlockConfiguration"
        ]
        return found

    def scan(self) -> Bucket:
        """Have the bucket analyzed now."""
        self.world.analyzer.start_resource_scan(analyzerArn=self.world.arn, resourceArn=self.arn)
        return self

    def findings(self) -> list[dict[str, Any]]:
        """Return the analyzer's findings on the bucket."""
        criteria = {"resource": {"eq": [self.arn]}}
        pages = self.world.analyzer.get_paginator("list_findings").paginate(analyzerArn=self.world.arn, filter=criteria)
        return [finding for page in pages for finding in page["findings"]]

    def statuses(self) -> list[str]:
        """Return the statuses of the findings."""
        return sorted(finding["status"] for finding in self.findings())

    def notices(self) -> list[dict[str, Any]]:
        """Return the notices about the bucket; of a digest, the entry about it."""
        found = self.world.stack.cloud.notifications(self.world.stack.outputs["topic_arn"])
        parts = [part for notice in found for part in parts_of(notice)]
        return [part for part in parts if f"What:           {self.arn} " in part["message"]]


def parts_of(notice: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the notices of a digest, each with its own subject, or the notice itself."""
    _, *entries = f"\n{notice['message']}".split("\n=== ")
    return [dict(zip(("subject", "message"), entry.split("\n", 1), strict=True)) for entry in entries] or [notice]


def point_arn(name: str) -> str:
    """Return the ARN of an access point."""
    return f"arn:aws:s3:{REGION}:{ACCOUNT_ID}:accesspoint/{name}"


class World:
    """The account's buckets, and external accounts."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.s3, self.control = stack.client("s3"), stack.client("s3control")
        self.analyzer, self.arn = stack.client("accessanalyzer"), stack.outputs.get("analyzer_arn", "")
        self.points: list[str] = []
        self.buckets: list[Bucket] = []
        self.made: list[str] = []

    def named(self, name: str) -> str:
        """Return a name that no earlier run used."""
        return f"{name}-{self.stack.token}"

    def bucket(self, name: str) -> Bucket:
        """Create a bucket."""
        return Bucket(self, self.named(name)).create()

    def reads(self, account: str, bucket: str) -> bool:
        """Return whether an external account can read the object, by the bucket's name or an access point's alias."""
        return self._can(self.stack.cloud.client("s3", account=account).get_object, Bucket=bucket, Key="report.csv")

    def lists(self, account: str, bucket: str) -> bool:
        """Return whether an external account can list the bucket."""
        return self._can(self.stack.cloud.client("s3", account=account).list_objects_v2, Bucket=bucket)

    def _can(self, call: Any, **arguments: str) -> bool:
        try:
            call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    def policy_of(self, point: str) -> str:
        """Return an access point's policy; empty if there is none."""
        try:
            return str(self.control.get_access_point_policy(AccountId=ACCOUNT_ID, Name=point)["Policy"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchAccessPointPolicy":
                raise
            return ""

    def clean(self) -> None:
        """Delete the resources of the scenario."""
        for name in self.points:
            self.control.delete_access_point(AccountId=ACCOUNT_ID, Name=name)
        for bucket in self.made:
            self.s3.delete_object(Bucket=bucket, Key="report.csv")
            self.s3.delete_bucket(Bucket=bucket)


def watch(stack: Stack, on: bool) -> None:
    """Set whether changes are analyzed at once, or only by a scan."""
    stack.cloud.command("accessanalyzer/set_watch", {"on": on})


def drained(stack: Stack) -> bool:
    """Return whether no finding waits in the queue or is being handled."""
    return stack.messages(stack.outputs["queue_url"]) == 0


def event_of(finding: dict[str, Any], analyzer_arn: str) -> str:
    """Return the event of a finding in its current state."""
    told = ("action", "condition", "id", "isPublic", "principal", "resource", "resourceType", "status")
    times = {name: finding[name].isoformat() for name in ("analyzedAt", "createdAt", "updatedAt")}
    owner = finding["resourceOwnerAccount"]
    fields = {"accountId": owner, "region": REGION, "isDeleted": False, "version": "1.0"}
    event = {"source": "aws.access-analyzer", "detail-type": "Access Analyzer Finding", "resources": [analyzer_arn]}
    return json.dumps({**event, "detail": {**{name: finding[name] for name in told}, **times, **fields}})


def run(stack: Stack, report: Report) -> None:
    """Open buckets. Read back what external principals can do, which notices were sent, and what was changed."""
    world = World(stack)
    report.sent = (
        "buckets opened by policy, ACL and access points,\nto the public and to other accounts;\n"
        "events repeated; 20 % of the function's calls fail"
    )
    # Only scans report changes, so the function's own scan must be what shows that access has ended.
    watch(stack, on=False)
    try:
        with stack.faults(*FAULTS, seed=7):
            _before(report, world)
            _open(report, world)
            _repeated(report, world)
            _swept(report, world)
        _refused(stack, report, world)
    finally:
        watch(stack, on=True)
        world.clean()


def _before(report: Report, world: World) -> None:
    """Check the bucket that was shared when the analyzer was created."""
    bucket = Bucket(world, "before")
    wait_until("the notice of the bucket shared before", bucket.notices)
    report.check("shared before the analyzer: reported", len(bucket.notices()), 1)


def _open(report: Report, world: World) -> None:
    app, public, listed = world.bucket("app"), world.bucket("public").share("*"), world.bucket("acl").publish_by_acl()
    points = {name: PREFIX + world.named(name) for name in ("app", "gate", "kept")}
    alias = app.share_through(points["app"], OUTSIDER)
    gate, kept = world.bucket("gate"), world.bucket("vault")
    open_alias, kept_alias = gate.share_through(points["gate"], "*"), kept.share_through(points["kept"], OUTSIDER)
    shared, partner = world.bucket("shared").share(OUTSIDER), world.bucket("partner").share(PARTNER)
    website = world.bucket("website").share("*")
    before = (
        world.reads(OUTSIDER, alias),
        world.reads(OUTSIDER, public.name),
        world.lists(OUTSIDER, listed.name),
        world.reads(OUTSIDER, open_alias),
    )
    report.check("external principals have access", before, (True, True, True, True))
    policy = world.policy_of(points["app"])
    buckets = [app, public, listed, gate, kept, shared, partner, website]
    for bucket in buckets:
        bucket.scan()
    ended = [app, public, listed, gate]
    wait_until("access to be shut off", lambda: all(b.statuses() == ["RESOLVED"] for b in ended), 90)
    wait_until("notices", lambda: [len(b.notices()) for b in buckets] == [2, 2, 2, 2, 1, 1, 0, 1], 90)
    after = (
        world.reads(OUTSIDER, alias),
        world.reads(OUTSIDER, public.name),
        world.lists(OUTSIDER, listed.name),
        world.reads(OUTSIDER, open_alias),
    )
    report.check("and no longer", after, (False, False, False, False))
    _access_points(report, world, app, gate, points, policy)
    report.check("public by policy: Block Public Access on", public.block(), ON)
    report.check("public by ACL: Block Public Access on", listed.block(), ON)
    told = [_line(bucket.notices()[0], "Shared through") for bucket in (app, public, listed)]
    words = [f"Access point {point_arn(points['app'])}", "Bucket policy", "Bucket ACL"]
    report.check("shared through, in the notice", told, words)
    report.check("intended by archive rule: no notice", (partner.statuses(), partner.notices()), (["ARCHIVED"], []))
    left = (world.reads(OUTSIDER, website.name), world.reads(OUTSIDER, shared.name), world.reads(OUTSIDER, kept_alias))
    report.check("exempt, and shared by bucket policy: reported, unchanged", left, (True, True, True))
    reasons = [_line(bucket.notices()[0], "Not done") for bucket in (website, kept)]
    report.check("why", reasons, ["The bucket is exempt.", f"The access point {points['kept']} is exempt."])
    world.s3.delete_bucket_policy(Bucket=shared.name)
    shared.scan()
    wait_until("the notice of the grant's end", lambda: len(shared.notices()) == 2)
    report.check("grant removed by hand: resolved", shared.notices()[1]["subject"].split(":")[0], "Resolved")


def _access_points(
    report: Report, world: World, app: Bucket, gate: Bucket, points: dict[str, str], policy: str
) -> None:
    found = app.findings()[0]
    source = {"type": "S3_ACCESS_POINT", "detail": {"accessPointArn": point_arn(points["app"])}}
    report.check("finding names the access point", found["sources"], [source])
    policies = (world.policy_of(points["app"]), world.policy_of(points["gate"]))
    report.check("access point policies removed, buckets left", (policies, gate.block()), (("", ""), OFF))
    place = _line(app.notices()[0], "Done").rpartition(" in s3://")[2].rstrip(".")
    bucket, _, key = place.partition("/")
    kept = json.load(world.s3.get_object(Bucket=bucket, Key=key)["Body"])
    report.check("and kept in the evidence bucket", kept["policy"], json.loads(policy))


def _line(notice: dict[str, Any], name: str) -> str:
    lines = [line for line in notice["message"].splitlines() if line.startswith(f"{name}:")]
    return lines[0].partition(":")[2].strip() if lines else ""


def _repeated(report: Report, world: World) -> None:
    """Send every event again, twice, including those of resolved findings."""
    stack = world.stack
    before = [bucket.notices() for bucket in world.buckets]
    pages = world.analyzer.get_paginator("list_findings").paginate(analyzerArn=world.arn)
    there = {bucket.arn for bucket in world.buckets}
    told = [f for page in pages for f in page["findings"] if f["resource"] in there and f["status"] != "ARCHIVED"]
    queue = stack.client("sqs")
    for finding in [*told, *told]:
        stale = {**finding, "status": "ACTIVE"}
        queue.send_message(QueueUrl=stack.outputs["queue_url"], MessageBody=event_of(stale, world.arn))
    wait_until("the repeated events", lambda: drained(stack))
    report.check("repeated and late events", [bucket.notices() for bucket in world.buckets] == before)


def _swept(report: Report, world: World) -> None:
    """Open buckets without an event, as before this capability was there. Let the time of the daily sweep come."""
    stack = world.stack
    events, rule = stack.client("events"), stack.outputs["rule_name"]
    public = [world.bucket(f"unseen-{number}").share("*") for number in range(MANY)]
    events.disable_rule(Name=rule)
    try:
        for bucket in public:
            bucket.scan()
        quiet = [bucket.notices() for bucket in public]
    finally:
        events.enable_rule(Name=rule)
    report.check("no event: no notice", quiet, [[]] * MANY)
    fire = {"name": f"{FUNCTION}-sweep", "account": ACCOUNT_ID, "region": REGION}
    stack.cloud.command("scheduler/fire", fire)
    wait_until("access to be shut off", lambda: all(b.statuses() == ["RESOLVED"] for b in public), 90)
    wait_until("notices", lambda: [len(b.notices()) for b in public] == [2] * MANY, 90)
    report.check("a sweep finds them: Block Public Access on", [b.block() for b in public], [ON] * MANY)
    sent = [n for n in stack.cloud.notifications(stack.outputs["topic_arn"]) if public[0].arn in n["message"]]
    report.check("reported together, in a digest", len(parts_of(sent[0])) > 1)


def _refused(stack: Stack, report: Report, world: World) -> None:
    """Send events that are not findings of this analyzer."""
    other = event_of({**_any_finding(world), "status": "ACTIVE"}, world.arn.replace("switchyard", "another"))
    records = [{"messageId": "1", "body": other}, {"messageId": "2", "body": '{"source": "aws.s3"}'}]
    answer = stack.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps({"Records": records}))
    failures = [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]
    report.check("others' events refused", json.load(answer["Payload"]), {"batchItemFailures": failures})


def _any_finding(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.analyzer.list_findings(analyzerArn=world.arn)["findings"][0]
    return found
