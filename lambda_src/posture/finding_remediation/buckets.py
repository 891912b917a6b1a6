"""Operations on buckets that several remediations share."""

import fnmatch
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from .contract import Step, Target
from .errors import Absent, Failed, Known, Refused, translated

GONE = partial(Failed, "the bucket does not exist")
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Bucket:
    """The bucket of a target. Every call states the expected owner, because a bucket name can get a new owner."""

    def __init__(self, target: Target) -> None:
        self.name, _, self.key = target.resource.name.partition("/")
        arn = target.resource.id.split(":")
        if arn[:3] != ["arn", target.resource.partition, "s3"] or not self.name:
            raise Refused(f"{target.resource.id} is not the ARN of an S3 bucket or object")
        self.api = target.clients.client("s3")
        self.owner = target.finding.account_id

    def call(self, operation: str, known: Known | None = None, **request: Any) -> Any:
        """Make one call on the bucket. `known` as in `translated`."""
        with translated(f"calling {_words(operation)} on {self.name}", {"NoSuchBucket": GONE, **(known or {})}):
            return getattr(self.api, operation)(Bucket=self.name, ExpectedBucketOwner=self.owner, **request)

    def read(self, operation: str, absent: str, **request: Any) -> Any:
        """As `call`, but return {} for the error code that means that the setting does not exist."""
        try:
            return self.call(operation, {absent: Absent}, **request)
        except Absent:
            return {}


def blocks(bucket: Bucket) -> dict[str, bool]:
    """Return the four settings of the bucket's public access block. All are off if it has none."""
    answer = bucket.read("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
    settings = answer.get("PublicAccessBlockConfiguration", {})
    return {name: bool(settings.get(name)) for name in BLOCKS}


def open_blocks(bucket: Bucket) -> list[str]:
    """Return the settings of the bucket's public access block that are off, of four."""
    return [name for name, on in blocks(bucket).items() if not on]


def block(bucket: Bucket) -> Step:
    """Return the step that turns on all four settings."""
    configuration = dict.fromkeys(BLOCKS, True)
    return Step(
        "block public access",
        lambda: bucket.call("put_public_access_block", PublicAccessBlockConfiguration=configuration),
    )


def tags_of(bucket: Bucket) -> dict[str, str]:
    """Return the bucket's tags."""
    return tags(bucket.read("get_bucket_tagging", "NoSuchTagSet").get("TagSet", []))


def exempt(bucket: Bucket, tag: str) -> Refused:
    """Return the refusal of a bucket with the tag that exempts it."""
    return Refused(f"bucket {bucket.name} is exempt by its tag {tag}; suppress the finding")


def refuse_exempt(bucket: Bucket, tag: str) -> None:
    """Raise Refused for a bucket with the tag that exempts it. Without such a tag ("") nothing is read."""
    if tag and tag in tags_of(bucket):
        raise exempt(bucket, tag)


def refuse_public(bucket: Bucket, allowed: Iterable[str]) -> None:
    """Raise Refused for a bucket that is meant to be public, by name or pattern (`*` and `?`)."""
    if any(fnmatch.fnmatchcase(bucket.name, pattern) for pattern in allowed):
        raise Refused(f"bucket {bucket.name} is meant to be public (public_buckets); suppress the finding")


def tags(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the tags of S3's list as a dictionary."""
    return {tag["Key"]: tag.get("Value", "") for tag in listed}


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the tags as a list in S3's format."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _words(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_")).replace("Acl", "ACL")
