"""Where secrets are copied to: the module's `targets`, as the function gets them in TARGETS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """One target: a Region of this or another account, what is copied there, under which names and key."""

    name: str
    region: str
    secret_name_prefixes: tuple[str, ...]
    secret_tags: Mapping[str, str] = field(default_factory=dict)
    rename_from: str = ""
    rename_to: str = ""
    secret_names: Mapping[str, str] = field(default_factory=dict)
    """Names at the target of single secrets, by their name at the source; before any renaming by prefix."""
    kms_key_arn: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    force_overwrite: bool = False

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Target":
        """From JSON, where what is not set is null. Raises TypeError for an unknown attribute."""
        given = {name: item for name, item in value.items() if item is not None}
        return cls(**{**given, "secret_name_prefixes": tuple(given["secret_name_prefixes"])})

    def __hash__(self) -> int:
        return hash(self.name)

    def named(self, name: str) -> bool:
        """Whether a secret of this name is copied, whatever its tags."""
        return name.startswith(self.secret_name_prefixes) or name in self.secret_names

    def tagged(self, tags: Mapping[str, str]) -> bool:
        """Whether a secret of these tags is copied."""
        return all(tags.get(key) == value for key, value in self.secret_tags.items())

    def replica_name(self, name: str) -> str:
        """The name at the target of the secret `name`."""
        if name in self.secret_names:
            return self.secret_names[name]
        if name.startswith(self.rename_from):
            return self.rename_to + name.removeprefix(self.rename_from)
        return name

    def selected(self) -> set[str]:
        """What the names of its secrets begin with at the source."""
        return {*self.secret_name_prefixes, *self.secret_names}

    def written(self) -> set[str]:
        """What their names begin with at the target."""
        prefixes = {self.rename_to + prefix.removeprefix(self.rename_from) for prefix in self.secret_name_prefixes}
        return prefixes | set(self.secret_names.values())


def parse(values: list[Any]) -> list[Target]:
    """The targets of the environment. Raises ValueError, which says what is wrong."""
    try:
        return [Target.of(value) for value in values]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"TARGETS does not describe targets: {error}") from error
