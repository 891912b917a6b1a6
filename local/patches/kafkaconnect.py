"""MSK Connect reads a plugin's file from this cloud's S3 with the permissions of its caller."""

from __future__ import annotations

from botocore.exceptions import ClientError

from local.permissions import caller, client
from local.services.kafkaconnect import neighbours


class Engine(neighbours.Neighbours):
    """S3 of this cloud."""

    def plugin_file(self, region: str, bucket: str, key: str, version: str) -> neighbours.PluginFile:
        """Return an object's size and MD5, read with the permissions of the caller. Raise ObjectRefused."""
        _, credentials = caller()
        try:
            found = client("s3", region, credentials).head_object(
                Bucket=bucket, Key=key, **({"VersionId": version} if version else {})
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise neighbours.ObjectRefused(f"{code} for the object {key} of {bucket}.") from None
        return neighbours.PluginFile(found["ContentLength"], found["ETag"].strip('"'))


def start() -> None:
    """Let MSK Connect reach S3."""
    neighbours.current = Engine()
