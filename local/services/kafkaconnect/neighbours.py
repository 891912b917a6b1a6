"""What MSK Connect needs of S3; an engine that has it replaces `current`."""

from __future__ import annotations

from dataclasses import dataclass


class ObjectRefused(Exception):
    """S3 did not give the object to the caller. The message says why."""


@dataclass(frozen=True)
class PluginFile:
    """What MSK Connect notes of a plugin's file."""

    size: int
    md5: str


class Neighbours:
    """A cloud whose S3 has every object."""

    def plugin_file(self, region: str, bucket: str, key: str, version: str) -> PluginFile:
        """Return an object's size and MD5, read with the permissions of the caller. Raise ObjectRefused."""
        return PluginFile(1, "00000000000000000000000000000000")


current = Neighbours()
