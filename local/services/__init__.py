"""AWS services of our own, served by moto: those that it lacks, and those of which it does too little for us.

A service is a package here with moto's four files, named as moto names it (signing name, no hyphens):

`urls.py`
    `url_bases` (host patterns) and `url_paths`; `{0}/.*$` suffices, since `base.Response` routes (`{0}/$`
    for a service with the one path /, such as those of the JSON protocols).
`exceptions.py`
    A class per error code of the service's model (subclasses of moto's `ServiceException`).
`models.py`
    The backend, extending moto's own where there is one. Methods marked `@operation()` take the request's
    members in snake_case and return the response as a dict. `<package>_backends` is its `BackendDict`,
    by boto3's name; where botocore lists no Regions, with `use_boto3_regions=False, additional_regions=`.
`responses.py`
    A `base.Response` bound to that backend, with moto's response class as second base where there is one.

Its `__init__.py` defines `install()`, which calls `register` with the package, and optionally
`COMMANDS`: functions that scenarios call for what no API does (a click in the console, time that passes).

A class `Neighbours` declares what a service needs of others (a role that trusts it, a bucket, a topic); a class of
`local.patches` replaces it. Nothing here imports MiniStack, so that moto alone can serve it.

To add a service, write the package and add its name to `SERVICES`. `register` also enters a service that moto lacks in
moto's index.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import ModuleType

import moto
from moto.backend_index import backend_url_patterns

SERVICES = (
    "accessanalyzer",
    "applicationautoscaling",
    "chatbot",
    "codeartifact",
    "codebuild",
    "codeguruprofiler",
    "codepipeline",
    "comprehend",
    "comprehendmedical",
    "config",
    "kafka",
    "kafkaconnect",
    "lexv2models",
    "quicksight",
    "securityhub",
    "servicequotas",
    "ssm",
    "verifiedpermissions",
    "xray",
)


def install_all() -> None:
    """Put every service of ours into moto's registry. Call before moto's server app or `mock_aws` starts."""
    for name in SERVICES:
        import_module(f"{__name__}.{name}").install()


def register(package: ModuleType) -> None:
    """Make moto find `package` as the service of its name, instead of moto's own if there is one."""
    name = package.__name__.rpartition(".")[2]
    attribute = f"{name}_backends"
    backends = getattr(import_module(f"{package.__name__}.models"), attribute)
    known = any(service == name for service, _ in backend_url_patterns)
    if known:  # code that has imported moto's backends must reach ours
        for module in (name, f"{name}.models", f"{name}.responses"):
            setattr(import_module(f"moto.{module}"), attribute, backends)
    else:  # moto imports moto.<name> to find a backend
        setattr(package, attribute, backends)
        sys.modules[f"moto.{name}"] = package
        setattr(moto, name, package)
    bases = import_module(f"{package.__name__}.urls").url_bases
    backend_url_patterns[:] = [
        *((name, re.compile(base)) for base in bases),
        *(entry for entry in backend_url_patterns if entry[0] != name),
    ]
