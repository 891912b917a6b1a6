"""The registry: each module here is a remediation by its name, with a `REMEDIATION`.

To add one: a module here, and an entry of the same name in modules/posture/finding_remediation/remediations. What a
module reads from its environment is a dataclass `Settings` of its own (`common.settings`).
"""

import importlib
import pkgutil

from ..contract import Remediation


def names() -> list[str]:
    """Of all remediations."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Remediation:
    """The remediation of that name. Raises KeyError, which lists the names there are."""
    if name not in names():
        raise KeyError(f"No remediation {name!r}; there are: {', '.join(names())}.")
    found: Remediation = importlib.import_module(f"{__name__}.{name}").REMEDIATION
    return found
