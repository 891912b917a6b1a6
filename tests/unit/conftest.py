"""Unit tests make hundreds of boto3 sessions and moto's user pools: what all of them read alike is read once."""

from __future__ import annotations

import copy
import functools
import json
import os
from types import SimpleNamespace
from typing import Any

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.session
import moto.cognitoidp.models
import moto.kms.utils
import moto.sns.models
from botocore.model import ServiceModel
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, settings
from joserfc import jwk

# Nothing is timed in a test: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@functools.cache
def _handlers() -> botocore.hooks.HierarchicalEmitter:
    emitter = botocore.hooks.HierarchicalEmitter()
    botocore.session.Session(event_hooks=emitter)
    return emitter


def _get_session(env_vars: Any = None) -> botocore.session.Session:
    """Return a new session. It has copies of the same handlers, which each session else registers again."""
    return botocore.session.Session(env_vars, copy.copy(_handlers()), include_builtin_handlers=False)


botocore.session.get_session = _get_session

# Each session asks for the same hundreds of names of events, which depend on nothing else.
_aliaser: Any = botocore.hooks.EventAliaser
_names: dict[str, str] = {}
_name_of = _aliaser._alias_event_name


def _alias(self: botocore.hooks.EventAliaser, event: str) -> str:
    if event not in _names:
        _names[event] = _name_of(self, event)
    return _names[event]


_aliaser._alias_event_name = _alias

# Each client makes the methods of its service again.
_creator: Any = botocore.client.ClientCreator
_methods: dict[tuple[str, str], dict[str, Any]] = {}
_methods_of = _creator._create_methods


def _create_methods(self: botocore.client.ClientCreator, model: ServiceModel) -> dict[str, Any]:
    key = model.service_name, model.api_version
    if key not in _methods:
        _methods[key] = _methods_of(self, model)
    return dict(_methods[key])


_creator._create_methods = _create_methods

# A thousand machine images, for each account and Region, at each start of moto: nothing here reads them.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of `-n auto`: tests also wait, for processes and for time, and another can compute then."""
    return (os.cpu_count() or 1) + 1


# What moto makes for each pool, each key and each subscription of a topic; its prime numbers take a tenth of a
# second to find.
@functools.cache
def _import_key(text: str) -> jwk.RSAKey:
    return jwk.RSAKey.import_key(json.loads(text))


moto.cognitoidp.models.jwk = SimpleNamespace(  # type: ignore[assignment, attr-defined]
    RSAKey=SimpleNamespace(import_key=lambda key: _import_key(json.dumps(key)))
)
moto.kms.utils.rsa = moto.sns.models.rsa = SimpleNamespace(  # type: ignore[assignment, attr-defined]
    generate_private_key=functools.cache(rsa.generate_private_key)
)
