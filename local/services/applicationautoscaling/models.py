"""Scalable targets and target-tracking policies of one account and Region."""

from __future__ import annotations

import math
import threading
import time
import uuid
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from . import neighbours
from .exceptions import ObjectNotFoundException, ResourceNotFoundException, ValidationException

Data = dict[str, Any]
_Key = tuple[str, str, str]


def _key(service_namespace: str, resource_id: str, scalable_dimension: str) -> _Key:
    """Return the key of a target. Only services of ECS can be one here."""
    parts = resource_id.split("/")
    if (service_namespace, scalable_dimension) != ("ecs", "ecs:service:DesiredCount"):
        raise ValidationException("Only ecs with the dimension ecs:service:DesiredCount is implemented here.")
    if len(parts) != 3 or parts[0] != "service":
        raise ValidationException(f"Unsupported service namespace, resource type or scalable dimension: {resource_id}")
    return service_namespace, resource_id, scalable_dimension


class ApplicationAutoScalingBackend(BaseBackend):
    """Application Auto Scaling in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.targets: dict[_Key, Data] = {}
        self.policies: dict[tuple[_Key, str], Data] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._lock = threading.RLock()

    def _count(self, key: _Key) -> int | None:
        _, cluster, service = key[1].split("/")
        return neighbours.current.count(cluster, service, self.account_id, self.region_name)

    def _scale(self, key: _Key, wanted: int) -> int:
        """Bring the capacity to the number, within the target's bounds. Return it."""
        target, now = self.targets[key], self._count(key)
        bounded = max(int(target["MinCapacity"]), min(int(target["MaxCapacity"]), wanted))
        if now is not None and bounded != now:
            _, cluster, service = key[1].split("/")
            neighbours.current.scale(cluster, service, bounded, self.account_id, self.region_name)
        return bounded

    # Targets

    @operation()
    def register_scalable_target(
        self,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        min_capacity: int | None = None,
        max_capacity: int | None = None,
        role_arn: str | None = None,
        suspended_state: Data | None = None,
        tags: dict[str, str] | None = None,
    ) -> Data:
        """Register or update a target, and bring the resource's capacity within its bounds."""
        key = _key(service_namespace, resource_id, scalable_dimension)
        with self._lock:
            count = self._count(key)
            if count is None:
                raise ValidationException(f"ECS service doesn't exist: {resource_id}")
            known = self.targets.get(key, {})
            given = {"MinCapacity": min_capacity, "MaxCapacity": max_capacity, "SuspendedState": suspended_state}
            target: Data = {**known, **{name: value for name, value in given.items() if value is not None}}
            if not {"MinCapacity", "MaxCapacity"} <= target.keys():
                raise ValidationException("MinCapacity and MaxCapacity are required for a new scalable target")
            if target["MinCapacity"] > target["MaxCapacity"]:
                raise ValidationException("Maximum capacity cannot be less than minimum capacity")
            scope = f"{self.region_name}:{self.account_id}"
            role = "aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            self.targets[key] = {
                "ServiceNamespace": service_namespace,
                "ResourceId": resource_id,
                "ScalableDimension": scalable_dimension,
                "RoleARN": role_arn
                or f"arn:aws:iam::{self.account_id}:role/{role}AWSServiceRoleForApplicationAutoScaling_ECSService",
                "CreationTime": time.time(),
                "ScalableTargetARN": f"arn:aws:application-autoscaling:{scope}:scalable-target/{uuid.uuid4().hex}",
                "SuspendedState": {
                    "DynamicScalingInSuspended": False,
                    "DynamicScalingOutSuspended": False,
                    "ScheduledScalingSuspended": False,
                },
                **target,
            }
            arn = str(self.targets[key]["ScalableTargetARN"])
            self.tags.setdefault(arn, {}).update(tags or {})
        self._scale(key, count)
        return {"ScalableTargetARN": arn}

    @operation()
    def describe_scalable_targets(
        self,
        service_namespace: str,
        resource_ids: list[str] | None = None,
        scalable_dimension: str | None = None,
        **_: Any,
    ) -> Data:
        """Return the targets of a namespace, in one page."""
        return {
            "ScalableTargets": [
                target
                for (namespace, resource, dimension), target in self.targets.items()
                if namespace == service_namespace
                and (not resource_ids or resource in resource_ids)
                and scalable_dimension in (None, dimension)
            ]
        }

    @operation()
    def deregister_scalable_target(self, service_namespace: str, resource_id: str, scalable_dimension: str) -> Data:
        """Forget a target and its policies."""
        key = _key(service_namespace, resource_id, scalable_dimension)
        with self._lock:
            if key not in self.targets:
                raise ObjectNotFoundException(f"No scalable target found for: {', '.join(key)}")
            self.tags.pop(self.targets.pop(key)["ScalableTargetARN"], None)
            self.policies = {name: policy for name, policy in self.policies.items() if name[0] != key}
        return {}

    # Policies

    @operation()
    def put_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_type: str = "StepScaling",
        target_tracking_scaling_policy_configuration: Data | None = None,
        **_: Any,
    ) -> Data:
        """Create or update a policy of target tracking."""
        key = _key(service_namespace, resource_id, scalable_dimension)
        if key not in self.targets:
            raise ObjectNotFoundException(f"No scalable target registered for: {', '.join(key)}")
        if policy_type != "TargetTrackingScaling" or not target_tracking_scaling_policy_configuration:
            raise ValidationException("Only policies of target tracking are implemented here.")
        with self._lock:
            known = self.policies.get((key, policy_name), {})
            scope = f"{self.region_name}:{self.account_id}"
            name = f"{uuid.uuid4()}:resource/ecs/{resource_id}:policyName/{policy_name}"
            policy = {
                "PolicyARN": f"arn:aws:autoscaling:{scope}:scalingPolicy:{name}",
                "PolicyName": policy_name,
                "ServiceNamespace": service_namespace,
                "ResourceId": resource_id,
                "ScalableDimension": scalable_dimension,
                "PolicyType": policy_type,
                "CreationTime": time.time(),
                "Alarms": [],
                **known,
                "TargetTrackingScalingPolicyConfiguration": target_tracking_scaling_policy_configuration,
            }
            self.policies[key, policy_name] = policy
        return {"PolicyARN": policy["PolicyARN"], "Alarms": []}

    @operation()
    def describe_scaling_policies(
        self,
        service_namespace: str,
        policy_names: list[str] | None = None,
        resource_id: str | None = None,
        scalable_dimension: str | None = None,
        **_: Any,
    ) -> Data:
        """Return the policies of a namespace, in one page."""
        return {
            "ScalingPolicies": [
                policy
                for ((namespace, resource, dimension), name), policy in self.policies.items()
                if namespace == service_namespace
                and (not policy_names or name in policy_names)
                and resource_id in (None, resource)
                and scalable_dimension in (None, dimension)
            ]
        }

    @operation()
    def delete_scaling_policy(
        self, policy_name: str, service_namespace: str, resource_id: str, scalable_dimension: str
    ) -> Data:
        """Delete a policy."""
        key = _key(service_namespace, resource_id, scalable_dimension)
        if self.policies.pop((key, policy_name), None) is None:
            raise ObjectNotFoundException(f"No scaling policy found for: {policy_name}")
        return {}

    def measure(self, resource_id: str, metric: str, value: float) -> int:
        """Scale by the policies on a predefined metric: in proportion to the target, and in only if all agree."""
        key = _key("ecs", resource_id, "ecs:service:DesiredCount")
        now = self._count(key)
        if key not in self.targets or now is None:
            raise LookupError(f"{resource_id} is not a scalable target of an active service")
        configurations = [
            policy["TargetTrackingScalingPolicyConfiguration"]
            for (target, _), policy in self.policies.items()
            if target == key
        ]
        targets = [
            one["TargetValue"]
            for one in configurations
            if one.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType") == metric
        ]
        wanted = [math.ceil(now * value / target) for target in targets]
        return self._scale(key, max(wanted, default=now))

    # Tags

    def _tagged(self, arn: str) -> dict[str, str]:
        try:
            return self.tags[arn]
        except KeyError:
            raise ResourceNotFoundException(f"The resource is not found: {arn}") from None

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags of a target."""
        return {"Tags": self._tagged(resource_arn)}

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        """Add tags."""
        self._tagged(resource_arn).update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags."""
        for name in tag_keys:
            self._tagged(resource_arn).pop(name, None)
        return {}


applicationautoscaling_backends = BackendDict(ApplicationAutoScalingBackend, "application-autoscaling")
