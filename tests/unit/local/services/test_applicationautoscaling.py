"""Application Auto Scaling as its API reference says, on services that the test counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import applicationautoscaling as subject
from local.services.applicationautoscaling import neighbours
from local.settings import ACCOUNT_ID, REGION

RESOURCE = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/shop/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
CPU = "ECSServiceAverageCPUUtilization"


class Services(neighbours.Neighbours):
    def __init__(self) -> None:
        self.counts = {"web": 1}

    def count(self, cluster: str, service: str, account: str, region: str) -> int | None:
        return self.counts.get(service)

    def scale(self, cluster: str, service: str, count: int, account: str, region: str) -> None:
        self.counts[service] = count


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()
    monkeypatch.setattr(neighbours, "current", made)
    return made


@pytest.fixture
def scaling(services: Services) -> Iterator[Any]:
    subject.install()
    with mock_aws():
        yield boto3.client("application-autoscaling", region_name=REGION)


def policy(scaling: Any, **more: Any) -> None:
    scaling.put_scaling_policy(
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 50.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": CPU},
        },
        **{**RESOURCE, **more},
    )


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ClientError) as found:
        call(*arguments, **named)
    return str(found.value.response["Error"]["Code"])


def test_registering_brings_the_capacity_within_its_bounds(scaling: Any, services: Services) -> None:
    scaling.register_scalable_target(MinCapacity=2, MaxCapacity=4, **RESOURCE)
    assert services.counts["web"] == 2
    services.counts["web"] = 3
    arn = scaling.register_scalable_target(MaxCapacity=5, Tags={"a": "b"}, **RESOURCE)["ScalableTargetARN"]
    assert services.counts["web"] == 3
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (2, 5, arn)
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "b"}
    scaling.register_scalable_target(MinCapacity=0, MaxCapacity=0, **RESOURCE)
    assert services.counts["web"] == 0


def test_target_tracking_scales_in_proportion_and_within_bounds(scaling: Any, services: Services) -> None:
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=4, **RESOURCE)
    policy(scaling)
    values = (75.0, 500.0, 26.0, 0.0)
    counts = [subject.measure(RESOURCE["ResourceId"], CPU, value, ACCOUNT_ID) for value in values]
    assert counts == [2, 4, 3, 1]
    assert services.counts["web"] == 1


def test_what_does_not_exist_is_refused(scaling: Any, services: Services) -> None:
    absent = {**RESOURCE, "ResourceId": "service/shop/other"}
    assert refused(scaling.register_scalable_target, MinCapacity=1, MaxCapacity=2, **absent) == "ValidationException"
    assert refused(scaling.register_scalable_target, MinCapacity=3, MaxCapacity=2, **RESOURCE) == "ValidationException"
    assert refused(policy, scaling) == "ObjectNotFoundException"
    assert refused(scaling.deregister_scalable_target, **RESOURCE) == "ObjectNotFoundException"
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **RESOURCE)
    policy(scaling)
    scaling.deregister_scalable_target(**RESOURCE)
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
