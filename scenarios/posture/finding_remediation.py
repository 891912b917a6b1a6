"""Remediate findings by custom action and by rule, here and in a member account, with one call in ten throttled."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID, REGION
from scenarios import security_hub as shared

MEMBER, STRANGER, OTHER_REGION = "222222222222", "333333333333", "us-east-1"
PREFIX = "finding-remediation-"
IDS = "finding-remediation/"
FUNCTIONS = "switchyard-remediate-"
SECURITY_HUB = f"arn:aws:securityhub:{REGION}::product/aws/securityhub"
MACIE = f"arn:aws:securityhub:{REGION}::product/aws/macie"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
SENSITIVE = "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"
POLICIES = "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-"
POLICY = f"{POLICIES}S3BucketPublic"
BIG = 11 * 2**20

seconds = 60
test_seconds = 50
variables: dict[str, Any] = {
    "finding_remediation": {
        "automatic": ["elastic_ip", "macie_object"],
        "bucket_patterns": [f"{PREFIX}*"],
        "public_buckets": [f"{PREFIX}www*"],
        "noncurrent_days": 30,
        "exempt_bucket_tag": "KeepBucketSettings",
        "delete_old_version": True,
        # AWS copies in parts beyond 5 GiB, this stack beyond 6 MiB: the calls are the same.
        "copy_single_max_mib": 6,
        "copy_part_mib": 5,
        "member_account_ids": [MEMBER],
        "member_external_id": "switchyard",
    },
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": FUNCTIONS},
    # The work is done, and the response is lost.
    {"kind": "error", "status": 500, "rate": 0.03, "after": True, "principal": FUNCTIONS},
]

MEMBER_ROOT = """
provider "aws" {
  region     = "%(region)s"
  access_key = "%(account)s"
  secret_key = "test"
}
variable "build_dir" { default = "" }
variable "function_role_arns" { type = map(string) }
variable "object_kms_key_arns" { type = map(string) }
module "member_role" {
  source              = "./modules/posture/finding_remediation/member_role"
  function_role_arns  = var.function_role_arns
  external_id         = "switchyard"
  bucket_patterns     = ["finding-remediation-*"]
  exempt_bucket_tag   = "KeepBucketSettings"
  delete_old_version  = true
  object_kms_key_arns = var.object_kms_key_arns
}
"""


def prepare(stack: Stack) -> None:
    """Enable Security Hub."""
    shared.enable(stack)


class Account:
    """The resources of the scenario in one account, and their findings in the hub of this account."""

    def __init__(self, stack: Stack, account: str = ACCOUNT_ID) -> None:
        self.account = account
        self.hub, self.ids = stack.client("securityhub"), ids(stack)
        self.s3 = stack.client("s3", account=account)
        self.ec2 = stack.client("ec2", account=account)
        self._kms = stack.client("kms", account=account)

    @functools.cached_property
    def kms_key(self) -> str:
        """Create a key of the account."""
        return str(self._kms.create_key(Description=IDS)["KeyMetadata"]["Arn"])

    def bucket(self, name: str, **more: Any) -> str:
        """Create a bucket that blocks no public access. Return its ARN."""
        full = f"{PREFIX}{name}"
        self.s3.create_bucket(Bucket=full, CreateBucketConfiguration={"LocationConstraint": REGION}, **more)
        self.s3.delete_public_access_block(Bucket=full)
        return f"arn:aws:s3:::{full}"

    def control(self, name: str, control: str, resource_type: str, *arns: str, **fields: Any) -> str:
        """Import a failed finding of a control. Return its Id."""
        compliance = {"Status": "FAILED", "SecurityControlId": control}
        return self.load(name, resource_type, *arns, ProductArn=SECURITY_HUB, Compliance=compliance, **fields)

    def macie(self, name: str, kind: str, resource_type: str, arn: str, **fields: Any) -> str:
        """Import a finding of Macie. Return its Id."""
        return self.load(name, resource_type, arn, ProductArn=MACIE, Types=[kind], **fields)

    def load(self, name: str, resource_type: str, *arns: str, **fields: Any) -> str:
        """Import a finding, of this Region unless `Resources` says otherwise. Return its Id."""
        given = {
            "AwsAccountId": self.account,
            "Resources": [{"Type": resource_type, "Id": arn, "Region": REGION} for arn in arns],
            **fields,
        }
        made = shared.finding(f"{self.ids}{name}", compliance="", **given)
        shared.load(self.hub, [made])
        return str(made["Id"])

    def clean(self) -> None:
        """Delete the resources of the scenario."""
        for found in self.s3.list_buckets()["Buckets"]:
            name = found["Name"]
            if not name.startswith(PREFIX):
                continue
            for version in self.s3.list_object_versions(Bucket=name).get("Versions", []):
                hold = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
                with contextlib.suppress(self.s3.exceptions.ClientError):
                    self.s3.put_object_legal_hold(**hold, LegalHold={"Status": "OFF"})
                self.s3.delete_object(**hold)
            self.s3.delete_bucket(Bucket=name)
        if "kms_key" in vars(self):
            self._kms.schedule_key_deletion(KeyId=self.kms_key, PendingWindowInDays=7)


def ids(stack: Stack) -> str:
    """Return the prefix of the Ids of this run's findings."""
    return f"{IDS}{stack.token}/"


def send(stack: Stack, remediation: str, *finding_ids: str) -> None:
    """Choose a remediation's custom action, as an analyst does."""
    action = stack.outputs["custom_action_arns"][remediation]
    data = {"action_target_arn": action, "findings": list(finding_ids)}
    stack.cloud.command("securityhub/send_custom_action", data)


def state(stack: Stack, finding_id: str) -> tuple[str, str]:
    """Return the workflow status and the note of a finding."""
    return _state(shared.read(stack.client("securityhub"), finding_id)[finding_id])


def _state(found: dict[str, Any]) -> tuple[str, str]:
    return found["Workflow"]["Status"], found.get("Note", {}).get("Text", "")


def answered(stack: Stack, *finding_ids: str, seconds: float = 90) -> dict[str, tuple[str, str]]:
    """Return the state of the findings once each has a note, by name: the Id without its common prefix."""
    hub = stack.client("securityhub")

    def notes() -> dict[str, tuple[str, str]]:
        found = shared.read(hub, ids(stack))
        wanted = {name.removeprefix(ids(stack)): _state(found[name]) for name in finding_ids}
        return wanted if all(note for _, note in wanted.values()) else {}

    return wait_until("the findings' notes", notes, seconds, every=0.5)


def run(stack: Stack, report: Report) -> None:
    """Remediate findings of every kind. Read back each resource, and the answer in each finding."""
    here, there = Account(stack), Account(stack, MEMBER)
    report.sent = (
        "findings of six kinds by custom action and\nby rule, here, in a member account and in\n"
        "another Region; 13 % of the functions' calls fail"
    )
    try:
        with member_roles(stack), stack.faults(*FAULTS, seed=7):
            _buckets(stack, report, here, there)
            _addresses(stack, report, here)
            _objects(stack, report, here, there)
        _refused(stack, report, here)
        _again(stack, report, here)
    finally:
        here.clean()
        there.clean()
        shared.archive(here.hub, here.ids)


@contextlib.contextmanager
def member_roles(stack: Stack) -> Iterator[None]:
    """Apply the module `member_role` in the member account for the length of a `with` block."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "member"
        root.mkdir()
        (root / "main.tf").write_text(MEMBER_ROOT % {"region": REGION, "account": MEMBER})
        given = {"function_role_arns": stack.outputs["role_arns"]}
        keys = {"object_kms_key_arns": stack.outputs["object_kms_key_arns"]}
        terraform = Terraform(stack.cloud, Path(name) / "applied", given | keys, root)
        terraform.init()
        terraform.apply()
        try:
            yield
        finally:
            terraform.destroy()


def _versioning(account: Account, *names: str) -> list[str]:
    return [account.s3.get_bucket_versioning(Bucket=f"{PREFIX}{name}").get("Status", "off") for name in names]


def _blocked(account: Account, name: str) -> bool:
    try:
        found = account.s3.get_public_access_block(Bucket=f"{PREFIX}{name}")["PublicAccessBlockConfiguration"]
    except account.s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return False
    return all(found.values()) and len(found) == 4


def _buckets(stack: Stack, report: Report, here: Account, there: Account) -> None:
    one, two, remote = here.bucket("a"), here.bucket("b"), there.bucket("member")
    versioned, public, macie = here.bucket("versioned"), here.bucket("public"), here.bucket("macie")
    report.check("versioning before", _versioning(here, "a", "b"), ["off", "off"])
    here.s3.put_bucket_versioning(Bucket=f"{PREFIX}versioned", VersioningConfiguration={"Status": "Enabled"})
    own = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    here.s3.put_bucket_lifecycle_configuration(Bucket=f"{PREFIX}versioned", LifecycleConfiguration={"Rules": [own]})
    tag = {"Key": "Team", "Value": "ledger"}
    here.s3.put_bucket_tagging(Bucket=f"{PREFIX}macie", Tagging={"TagSet": [tag]})

    ids = {
        "s3_versioning": [
            here.control("two-buckets", "S3.14", "AwsS3Bucket", one, two),
            there.control("member", "S3.14", "AwsS3Bucket", remote),
        ],
        "s3_lifecycle": [here.control("lifecycle", "S3.10", "AwsS3Bucket", versioned)],
        "s3_public": [here.control("public", "S3.8", "AwsS3Bucket", public)],
        "macie_bucket": [here.macie("policy", POLICY, "AwsS3Bucket", macie)],
    }
    for remediation, findings in ids.items():
        send(stack, remediation, *findings)
    states = answered(stack, *(name for findings in ids.values() for name in findings))
    report.check("all resolved", {status for status, _ in states.values()}, {"RESOLVED"})
    report.check("versioning of both buckets", _versioning(here, "a", "b"), ["Enabled", "Enabled"])
    report.check("versioning in the member account", _versioning(there, "member"), ["Enabled"])
    rules = here.s3.get_bucket_lifecycle_configuration(Bucket=f"{PREFIX}versioned")["Rules"]
    days = {rule["ID"]: rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays") for rule in rules}
    both = {"logs": None, "finding-remediation-noncurrent-versions": 30}
    report.check("lifecycle rule added to the existing one", days, both)
    report.check("public bucket private", _blocked(here, "public"))
    tags = {t["Key"]: t["Value"] for t in here.s3.get_bucket_tagging(Bucket=f"{PREFIX}macie")["TagSet"]}
    report.check("tags merged", tags, {"Team": "ledger", "SH_Finding_ID": f"{here.ids}policy"})
    rule = here.s3.get_bucket_encryption(Bucket=f"{PREFIX}macie")["ServerSideEncryptionConfiguration"]["Rules"][0]
    report.check("default encryption", rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms")
    report.check("Macie's bucket private", _blocked(here, "macie"))


def _addresses(stack: Stack, report: Report, here: Account) -> None:
    """Remediate addresses by the automatic rule, without a custom action."""
    remote = stack.client("ec2", region=OTHER_REGION)
    unused, used, kept = (here.ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(3))
    far = remote.allocate_address(Domain="vpc")["AllocationId"]
    association = here.ec2.associate_address(AllocationId=used, InstanceId="i-1")["AssociationId"]
    here.ec2.create_tags(Resources=[kept], Tags=[{"Key": "KeepElasticIp", "Value": "yes"}])
    ids = []
    for name, allocation, region in (
        ("unused", unused, REGION),
        ("used", used, REGION),
        ("kept", kept, REGION),
        ("far", far, OTHER_REGION),
    ):
        arn = f"arn:aws:ec2:{region}:{ACCOUNT_ID}:elastic-ip/{allocation}"
        resource = {"Type": "AwsEc2Eip", "Id": arn, "Region": region}
        ids.append(here.control(name, "EC2.12", "AwsEc2Eip", Resources=[resource]))
    states = answered(stack, *ids)
    left = {address["AllocationId"] for address in here.ec2.describe_addresses()["Addresses"]} & {unused, used, kept}
    report.check("unused address released, by rule", left, {used, kept})
    report.check("and the one in another Region", remote.describe_addresses()["Addresses"], [])
    expected = {"unused": "RESOLVED", "used": "NEW", "kept": "NEW", "far": "RESOLVED"}
    report.check("their findings", {name: status for name, (status, _) in states.items()}, expected)
    reasons = "is in use now" in states["used"][1], "is exempt by its tag KeepElasticIp" in states["kept"][1]
    report.check("with reasons", reasons, (True, True))
    # The note updated the finding, so the automatic rule matches again. This one is for the custom action.
    here.ec2.create_tags(Resources=[used], Tags=[{"Key": "KeepElasticIp", "Value": "yes"}])
    here.ec2.disassociate_address(AssociationId=association)
    for allocation in (used, kept):
        here.ec2.release_address(AllocationId=allocation)


def _objects(stack: Stack, report: Report, here: Account, there: Account) -> None:
    """Remediate by the automatic rule too: an object, one in parts, a locked one, and one of the member account."""
    arn = here.bucket("objects", ObjectOwnership="ObjectWriter", ObjectLockEnabledForBucket=True)
    remote = f"arn:aws:s3:::{PREFIX}member"
    described = {"ContentType": "text/csv", "CacheControl": "no-store", "Metadata": {"owner": "ledger"}}
    rest = {"StorageClass": "STANDARD_IA", "Tagging": "Team=a%20b", "GrantRead": f'uri="{LOG_DELIVERY}"'}
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": here.kms_key}
    bodies = {"people/a b+é.csv": b"name;iban", "big.csv": bytes(range(256)) * (BIG // 256)}
    before = {}
    for key, body in bodies.items():
        put = here.s3.put_object(Bucket=f"{PREFIX}objects", Key=key, Body=body, **described, **rest, **encrypted)
        before[key] = put["VersionId"]
    here.s3.put_object(Bucket=f"{PREFIX}objects", Key="held.csv", Body=b"x", ObjectLockLegalHoldStatus="ON")
    there.s3.put_object(Bucket=f"{PREFIX}member", Key="a.csv", Body=b"x")
    small, big = bodies
    version = {"AwsS3Object": {"VersionId": before[small]}}
    resources = [
        {"Type": "AwsS3Bucket", "Id": arn, "Region": REGION},
        {"Type": "AwsS3Object", "Id": f"{arn}/{small}", "Region": REGION, "Details": version},
    ]
    started = time.time()
    ids = [
        here.macie("object", SENSITIVE, "", "", Resources=resources),
        here.macie("big-object", SENSITIVE, "AwsS3Object", f"{arn}/{big}"),
        here.macie("held-object", SENSITIVE, "AwsS3Object", f"{arn}/held.csv"),
        there.macie("member-object", SENSITIVE, "AwsS3Object", f"{remote}/a.csv"),
    ]
    states = answered(stack, *ids)
    expected = {"object": "RESOLVED", "big-object": "RESOLVED", "held-object": "NEW", "member-object": "RESOLVED"}
    report.check("objects' findings, by rule", {name: status for name, (status, _) in states.items()}, expected)
    key_arn = stack.outputs["object_kms_key_arns"][REGION]
    aliases = stack.client("kms").list_aliases(KeyId=key_arn)["Aliases"]
    report.check("their key's alias", [alias["AliasName"] for alias in aliases], ["alias/switchyard-macie-key"])
    for key, name in ((small, "object"), (big, "big-object")):
        report.check(f"{name} unchanged except for key and tag", _kept(here, key, bodies[key], name, key_arn), [])
    versions = here.s3.list_object_versions(Bucket=f"{PREFIX}objects", Prefix=small)["Versions"]
    report.check("the finding's version deleted", before[small] in {one["VersionId"] for one in versions}, False)
    parts = [c for c in stack.cloud.calls(started, f"{FUNCTIONS}macie-object") if c["operation"] == "PutObject"]
    report.check("copied in parts: begun, three, completed, in addition to one copy", len(parts) >= 6)
    # An upload whose creation got no response stays, empty: an injected fault here, a lost response on AWS.
    uploads = here.s3.list_multipart_uploads(Bucket=f"{PREFIX}objects").get("Uploads", [])
    at = [{"Bucket": f"{PREFIX}objects", "Key": upload["Key"], "UploadId": upload["UploadId"]} for upload in uploads]
    report.check("no parts left behind", [one for one in at if here.s3.list_parts(**one).get("Parts")], [])
    report.check("held object named in the note", "under a legal hold" in states["held-object"][1])
    held = here.s3.head_object(Bucket=f"{PREFIX}objects", Key="held.csv")
    report.check("and not changed", "SSEKMSKeyId" in held, False)
    member = there.s3.head_object(Bucket=f"{PREFIX}member", Key="a.csv")
    report.check("member's object under the key here", member.get("SSEKMSKeyId"), key_arn)


def _kept(account: Account, key: str, body: bytes, name: str, key_arn: str) -> list[str]:
    """Return the properties that an object lost when it was copied over itself."""
    at = {"Bucket": f"{PREFIX}objects", "Key": key}
    head, acl = account.s3.head_object(**at), account.s3.get_object_acl(**at)
    tags = {tag["Key"]: tag["Value"] for tag in account.s3.get_object_tagging(**at)["TagSet"]}
    same = {
        "body": account.s3.get_object(**at)["Body"].read() == body,
        "content type": head["ContentType"] == "text/csv",
        "cache control": head.get("CacheControl") == "no-store",
        "metadata": head["Metadata"] == {"owner": "ledger"},
        "storage class": head.get("StorageClass") == "STANDARD_IA",
        "acl": [(g["Grantee"].get("URI"), g["Permission"]) for g in acl["Grants"]] == [(LOG_DELIVERY, "READ")],
        "tags": tags == {"Team": "a b", "SH_Finding_ID": f"{account.ids}{name}"},
        "key": head.get("SSEKMSKeyId") == key_arn,
    }
    return [what for what, kept in same.items() if not kept]


def _refused(stack: Stack, report: Report, here: Account) -> None:
    """Check that findings that cannot be remediated get the reason and their resources stay unchanged: wrong kinds, a
    bucket meant to be public, a suppressed finding, a foreign account.
    """
    here.bucket("c")
    www, kept = here.bucket("www"), here.bucket("kept")
    here.s3.put_bucket_tagging(Bucket=f"{PREFIX}kept", Tagging={"TagSet": [{"Key": "KeepBucketSettings", "Value": ""}]})
    arn = f"arn:aws:s3:::{PREFIX}c"
    clicks = {
        "s3_versioning": [
            here.control("wrong-control", "S3.8", "AwsS3Bucket", arn),
            here.control("suppressed", "S3.14", "AwsS3Bucket", arn, Workflow={"Status": "SUPPRESSED"}),
            here.control("stranger", "S3.14", "AwsS3Bucket", arn, AwsAccountId=STRANGER),
            here.control("missing", "S3.14", "AwsS3Bucket", f"arn:aws:s3:::{PREFIX}missing"),
            here.control("not-ours", "S3.14", "AwsS3Bucket", "arn:aws:s3:::switchyard-not-in-the-patterns"),
        ],
        "s3_public": [
            here.control("www", "S3.8", "AwsS3Bucket", www),
            here.control("kept-bucket", "S3.8", "AwsS3Bucket", kept),
        ],
        "macie_bucket": [here.macie("shared", f"{POLICIES}S3BucketSharedExternally", "AwsS3Bucket", arn)],
        "macie_object": [here.macie("wrong-kind", POLICY, "AwsS3Bucket", arn)],
    }
    for remediation, findings in clicks.items():
        send(stack, remediation, *findings)
    states = answered(stack, *(name for findings in clicks.values() for name in findings))
    expected = {
        "wrong-control": ("NEW", "Refused: this remediation is for findings of the control S3.14"),
        "suppressed": ("SUPPRESSED", "Left alone: the finding is suppressed"),
        "stranger": ("NEW", f"Refused: account {STRANGER} is neither this account"),
        "missing": ("NEW", "Not remediated: the bucket does not exist"),
        "not-ours": ("NEW", "Not remediated: Denied while calling GetBucketTagging"),
        "www": ("NEW", "Refused: bucket finding-remediation-www is meant to be public"),
        "kept-bucket": ("NEW", "Refused: bucket finding-remediation-kept is exempt by its tag KeepBucketSettings"),
        "shared": ("NEW", "Refused: this remediation is for Macie's policy findings"),
        "wrong-kind": ("NEW", "Refused: this remediation is for Macie's sensitive data findings"),
    }
    told = {name: (status, note[: len(expected[name][1])]) for name, (status, note) in states.items()}
    report.check("refused, left open, with the reason", told, expected)
    report.check("nothing changed", _versioning(here, "c"), ["off"])
    report.check("public buckets still public", [_blocked(here, name) for name in ("www", "kept", "c")], [False] * 3)


def _again(stack: Stack, report: Report, here: Account) -> None:
    """Repeat the same clicks: nothing is written, and no message waits."""
    wait_until("quiet", lambda: not stack.cloud.calls(time.time() - 3, FUNCTIONS), 90, every=0.5)
    started = time.time()
    for remediation, name in (("s3_versioning", "two-buckets"), ("macie_bucket", "policy"), ("macie_object", "object")):
        send(stack, remediation, f"{here.ids}{name}")
    reads = {"s3_versioning": 4, "macie_bucket": 3, "macie_object": 4}

    def made() -> list[str]:
        return [c["operation"] for c in stack.cloud.calls(started, FUNCTIONS) if c["service"] in ("s3", "securityhub")]

    wait_until("the repeats", lambda: len(made()) >= sum(reads.values()), 60)
    wait_until("quiet", lambda: not stack.cloud.calls(time.time() - 2, FUNCTIONS), 60, every=0.5)
    report.check("repeats read and write nothing", [n for n in made() if not n.startswith(("Get", "List"))], [])
    urls = [*stack.outputs["queue_urls"].values(), *stack.outputs["dead_letter_queue_urls"].values()]
    report.check("no message waiting or in a dead-letter queue", sum(map(stack.messages, urls)), 0)
