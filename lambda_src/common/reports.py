"""A report in S3 that each review reads and replaces: of two at once, the second to write fails.

The report is one JSON object. The bucket must belong to the expected account.
"""

import json
from dataclasses import dataclass
from typing import Any

from . import aws_errors


class ReportChanged(Exception):
    """Another review wrote the report after this one had read it. A retry starts from the new report."""


@dataclass(frozen=True)
class Stored:
    """The object that holds the report."""

    s3: Any
    bucket: str
    key: str
    bucket_owner: str

    def read(self) -> tuple[dict[str, Any], str]:
        """Return the report and its ETag; nothing before the first review, no report from an unusable object."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self.key, ExpectedBucketOwner=self.bucket_owner)
        except Exception as error:
            if aws_errors.kind(error) is aws_errors.Kind.GONE:
                return {}, ""
            raise
        try:
            report = json.loads(answer["Body"].read())
        except ValueError:
            report = {}
        return (report if isinstance(report, dict) else {}), str(answer["ETag"])

    def write(self, report: dict[str, Any], tag: str) -> None:
        """Write the report if the object is still the one with this ETag (empty: if there is none).

        Raise ReportChanged, or AWS's error after all retries.
        """
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=self.key,
                Body=json.dumps(report, indent=2).encode(),
                ContentType="application/json",
                ExpectedBucketOwner=self.bucket_owner,
                **condition,
            )
        except Exception as error:
            failure = aws_errors.read(error)
            if failure and (failure.code == "PreconditionFailed" or failure.kind is aws_errors.Kind.CONFLICT):
                raise ReportChanged(f"{self.key} changed during the review.") from error
            raise
