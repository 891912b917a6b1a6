"""Fine-grained access control: which role may do what, by the mapping of IAM roles to roles of the domain.

https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from .errors import Refused


class Security:
    """The roles of one domain and whom they are mapped to."""

    def __init__(self) -> None:
        self.roles: dict[str, dict[str, Any]] = {}
        self.mapping: dict[str, dict[str, Any]] = {}

    def check(self, caller: str, action: str, index: str = "") -> None:
        """Raise Refused if no role of the caller permits an action, on an index if it is one on an index."""
        for name, mapped in self.mapping.items():
            if caller in [*mapped.get("backend_roles", []), *mapped.get("users", [])] and name in self.roles:
                role = self.roles[name]
                granted = role.get("cluster_permissions", [])
                if index:
                    granted = [
                        pattern
                        for one in role.get("index_permissions", [])
                        if any(fnmatchcase(index, allowed) for allowed in one["index_patterns"])
                        for pattern in one["allowed_actions"]
                    ]
                if any(fnmatchcase(action, pattern) for pattern in granted):
                    return
        reason = f"no permissions for [{action}] and User [name={caller}, backend_roles=[{caller}]]"
        raise Refused(403, "security_exception", reason)
