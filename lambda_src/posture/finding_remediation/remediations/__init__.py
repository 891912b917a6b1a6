"""The registry: each module in this package is a remediation, with the module's name and its `REMEDIATION`.

To add one, add a module here and an entry of the same name in modules/posture/finding_remediation/remediations.
A module reads its environment through its own dataclass `Settings` (`common.settings`).
"""

import importlib
import pkgutil

from ..contract import Remediation


def names() -> list[str]:
    """Return the names of all remediations."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Remediation:
    """Return the remediation of that name. Raise KeyError, which lists the existing names."""
    if name not in names():
        raise KeyError(f"No remediation {name!r}; the remediations are {', '.join(names())}.")
    found: Remediation = importlib.import_module(f"{__name__}.{name}").REMEDIATION
    return found
