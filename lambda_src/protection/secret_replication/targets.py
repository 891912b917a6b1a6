"""The targets that secrets are copied to: the module's `targets`, which the function reads from TARGETS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """One target: a Region of this or another account, the secrets that it selects, their new names and their key."""

    name: str
    region: str
    secret_name_prefixes: tuple[str, ...]
    secret_tags: Mapping[str, str] = field(default_factory=dict)
    rename_from: str = ""
    rename_to: str = ""
    secret_names: Mapping[str, str] = field(default_factory=dict)
    """Names of single secrets at the target, by their name at the source. They take precedence over `rename_from`."""
    kms_key_arn: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    force_overwrite: bool = False
    paused: bool = False

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Target":
        """Create a Target from JSON, in which unset attributes are null. Raise TypeError for an unknown attribute."""
        given = {name: item for name, item in value.items() if item is not None}
        return cls(**{**given, "secret_name_prefixes": tuple(given["secret_name_prefixes"])})

    def __hash__(self) -> int:
        return hash(self.name)

    def named(self, name: str) -> bool:
        """Return true if the target selects secrets of this name, regardless of tags."""
        return name.startswith(self.secret_name_prefixes) or name in self.secret_names

    def tagged(self, tags: Mapping[str, str]) -> bool:
        """Return true if the target selects secrets with these tags."""
        return all(tags.get(key) == value for key, value in self.secret_tags.items())

    def selects(self, name: str, tags: Mapping[str, str]) -> bool:
        """Return true if the target selects the secret with this name and these tags."""
        return self.named(name) and self.tagged(tags)

    def place(self, here: str) -> tuple[str, str]:
        """Return the Region and the account of the replicas. `here` is the account of the sources."""
        return self.region, self.role_arn.split(":")[4] if self.role_arn else here

    def replica_name(self, name: str) -> str:
        """Return the name of the replica of secret `name`."""
        if name in self.secret_names:
            return self.secret_names[name]
        if name.startswith(self.rename_from):
            return self.rename_to + name.removeprefix(self.rename_from)
        return name

    def selected(self) -> set[str]:
        """Return the beginnings of the names of the target's secrets at the source."""
        return {*self.secret_name_prefixes, *self.secret_names}

    def written(self) -> set[str]:
        """Return the beginnings of the names of the replicas at the target."""
        prefixes = {self.rename_to + prefix.removeprefix(self.rename_from) for prefix in self.secret_name_prefixes}
        return prefixes | set(self.secret_names.values())


def parse(values: list[Any]) -> list[Target]:
    """Return the targets from the environment. Raise ValueError if they are malformed."""
    try:
        return [Target.of(value) for value in values]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"TARGETS is not a valid list of targets: {error}") from error
