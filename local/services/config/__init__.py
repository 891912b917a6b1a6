"""AWS Config on moto's backend: a recorder that records, rules that are evaluated, remediation that runs.

What is there
    *Recorder*: from StartConfigurationRecorder on, changes in the account and Region are noticed within a second
    (`items.RECORDED` lists the resource types) and kept as configuration items (GetResourceConfigHistory,
    BatchGetResourceConfig). PutDeliveryChannel checks the bucket's policy and key policy.
    *Rules*: PutConfigRule checks managed identifiers and their parameters, and that config.amazonaws.com may invoke a
    custom rule's function. A rule is evaluated when it is put, on each change in its scope, by its frequency, and by
    StartConfigRulesEvaluation (at most once a minute, see `set_reevaluation_interval`). A function gets the true event
    and answers by PutEvaluations with its result token. Managed rules of `rules.EVALUATIONS` are evaluated here; the
    others never get a result. Results: GetComplianceDetails..., DescribeCompliance..., and the event "Config Rules
    Compliance Change" of aws.config on the default bus.
    *Remediation*: PutRemediationConfigurations and the like; automatic ones start the SSM Automation document
    (`local.services.ssm`) on each NON_COMPLIANT evaluation.
    *Aggregators and organization rules*: for the accounts and Regions of this cloud.

How scenarios use it
    `stack.client("config")` as on AWS, with `wait_until` on the effect. For what no API does, the commands below, such
    as `stack.cloud.command("config/pass_time", {"seconds": 86400})`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from local.services import register

from . import clock


def install() -> None:
    """Serve AWS Config from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    from .models import use_own_source

    use_own_source()
    register(sys.modules[__name__])


def set_reevaluation_interval(seconds: float, rules: Sequence[str] = ()) -> None:
    """Set the seconds between two StartConfigRulesEvaluation calls of an account and Region; 60 on AWS.

    With `rules`, only for those, by name.
    """
    from .models import ConfigBackend

    if rules:
        ConfigBackend.reevaluation_intervals.update(dict.fromkeys(rules, seconds))
    else:
        ConfigBackend.reevaluation_interval = seconds


def pass_time(seconds: float) -> None:
    """Advance the clock of AWS Config: periodic rules become due, and time-dependent results change."""
    clock.pass_time(seconds)


COMMANDS: dict[str, Any] = {"set_reevaluation_interval": set_reevaluation_interval, "pass_time": pass_time}
