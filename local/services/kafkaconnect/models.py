"""Connectors, custom plugins and worker configurations, with the states that they pass through.

Source: Amazon MSK Connect API reference, https://docs.aws.amazon.com/MSKC/latest/mskc/. The message for a capacity that
is not changed is the one of https://github.com/aws/aws-cdk/issues/28128. That a plugin in use cannot be deleted is an
assumption: the reference is silent.
"""

from __future__ import annotations

import datetime
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import Pager, TokenError, operation

from . import neighbours
from .exceptions import BadRequestException, ConflictException, NotFoundException
from .properties import problem

Data = dict[str, Any]
LAG = 0.2
"""Seconds that a state lasts which AWS leaves by itself; minutes on AWS."""
PAGE = 100


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Resource:
    """A connector, plugin or worker configuration: `data` is what Describe answers, `state` its member's name."""

    def __init__(self, data: Data, state: str, tags: Mapping[str, str] | None) -> None:
        self.data, self._state, self.tags = data, state, dict(tags or {})
        self._next: tuple[float, str] | None = None
        self.on_arrival: Any = None

    @property
    def state(self) -> str:
        """Return the state, "" once it is deleted."""
        if self._next and time.monotonic() >= self._next[0]:
            arrived, self._next = self._next[1], None
            if self.on_arrival:
                self.on_arrival()
            self.on_arrival = None
            self.data[self._state] = arrived
        return str(self.data[self._state])

    def pass_through(self, through: str, to: str) -> None:
        """Enter a state that ends by itself in `to`."""
        self.data[self._state], self._next = through, (time.monotonic() + LAG, to)

    def described(self) -> Data:
        """Return what Describe answers."""
        return {**self.data, self._state: self.state}


class KafkaConnectBackend(BaseBackend):
    """MSK Connect in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._all: dict[str, Resource] = {}
        self.operations: dict[str, list[Data]] = {}
        self.refused_updates: set[str] = set()
        self.pager = Pager(lambda: 3600.0)
        self._lock = threading.RLock()

    # --- what all kinds share --------------------------------------------------------------------------------------

    def of(self, kind: str) -> dict[str, Resource]:
        """Return the resources of a kind, such as "connector", by ARN. Those whose deletion has ended are gone."""
        with self._lock:
            for arn in [arn for arn, one in self._all.items() if not one.state]:
                del self._all[arn]
            return {arn: one for arn, one in self._all.items() if arn.split(":")[5].startswith(f"{kind}/")}

    def find(self, arn: str, kind: str = "") -> Resource:
        """Return a resource. Raise NotFoundException."""
        found = self.of(kind or arn.split(":")[-1].partition("/")[0]).get(arn)
        if found is None:
            raise NotFoundException(f"The resource with ARN {arn} does not exist.")
        return found

    def _arn(self, kind: str, name: str, name_member: str) -> str:
        if any(one.data[name_member] == name for one in self.of(kind).values()):
            raise ConflictException(f"A resource with the name {name} already exists.")
        place = f"arn:aws:kafkaconnect:{self.region_name}:{self.account_id}"
        return f"{place}:{kind}/{name}/{uuid.uuid4()}-{uuid.uuid4().hex[:1]}"

    def _page(self, parameters: Any, items: list[Data], member: str, limit: int | None, token: str | None) -> Data:
        try:
            page, following = self.pager.page([member, parameters], lambda: items, limit or PAGE, token)
        except TokenError as error:
            raise BadRequestException(str(error)) from None
        return {member: page} | ({"nextToken": following} if following else {})

    def _users(self, arn: str) -> list[str]:
        """Return the names of the connectors that use a plugin or worker configuration."""
        return [one.data["connectorName"] for one in self.of("connector").values() if arn in _used(one.data)]

    def _delete_unused(self, arn: str, kind: str, words: str) -> Resource:
        with self._lock:
            one = self.find(arn, kind)
            if users := self._users(arn):
                raise BadRequestException(f"The {words} {arn} is in use by the connector {users[0]}.")
            one.pass_through("DELETING", "")
            return one

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        """Set tags."""
        self.find(resource_arn).tags.update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags."""
        for key in tag_keys:
            self.find(resource_arn).tags.pop(key, None)
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags."""
        return {"tags": self.find(resource_arn).tags}

    # --- worker configurations -------------------------------------------------------------------------------------

    @operation()
    def create_worker_configuration(
        self, name: str, properties_file_content: str, description: str = "", tags: dict[str, str] | None = None
    ) -> Data:
        """Create a worker configuration, whose only revision is 1."""
        if wrong := problem(properties_file_content):
            raise BadRequestException(wrong)
        with self._lock:
            arn, at = self._arn("worker-configuration", name, "name"), _now()
            revision = {"revision": 1, "creationTime": at, "description": description}
            data = {
                "workerConfigurationArn": arn,
                "name": name,
                "description": description,
                "creationTime": at,
                "latestRevision": revision | {"propertiesFileContent": properties_file_content},
                "workerConfigurationState": "ACTIVE",
            }
            self._all[arn] = Resource(data, "workerConfigurationState", tags)
        return {name: value for name, value in data.items() if name != "description"} | {"latestRevision": revision}

    @operation()
    def describe_worker_configuration(self, worker_configuration_arn: str) -> Data:
        """Return a worker configuration with its content."""
        return self.find(worker_configuration_arn, "worker-configuration").described()

    @operation()
    def list_worker_configurations(
        self, name_prefix: str = "", max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        """Return the worker configurations whose names begin with a prefix, without their content."""
        found = [one.described() for one in self.of("worker-configuration").values()]
        items = [
            one | {"latestRevision": {k: v for k, v in one["latestRevision"].items() if k != "propertiesFileContent"}}
            for one in found
            if one["name"].startswith(name_prefix)
        ]
        return self._page(name_prefix, items, "workerConfigurations", max_results, next_token)

    @operation()
    def delete_worker_configuration(self, worker_configuration_arn: str) -> Data:
        """Delete a worker configuration that no connector uses."""
        self._delete_unused(worker_configuration_arn, "worker-configuration", "worker configuration")
        return {"workerConfigurationArn": worker_configuration_arn, "workerConfigurationState": "DELETING"}

    # --- custom plugins --------------------------------------------------------------------------------------------

    @operation()
    def create_custom_plugin(
        self, name: str, content_type: str, location: Data, description: str = "", tags: dict[str, str] | None = None
    ) -> Data:
        """Create a custom plugin of an object that the caller can read."""
        place = location["s3Location"]
        bucket = place["bucketArn"].rpartition(":")[2]
        try:
            file = neighbours.current.plugin_file(
                self.region_name, bucket, place["fileKey"], place.get("objectVersion", "")
            )
        except neighbours.ObjectRefused as error:
            raise BadRequestException(f"Invalid parameter s3Location: {error}") from None
        with self._lock:
            arn, at = self._arn("custom-plugin", name, "name"), _now()
            data: Data = {
                "customPluginArn": arn,
                "name": name,
                "description": description,
                "creationTime": at,
                "latestRevision": {
                    "revision": 1,
                    "creationTime": at,
                    "description": description,
                    "contentType": content_type,
                    "location": location,
                    "fileDescription": {"fileMd5": file.md5, "fileSize": file.size},
                },
                "customPluginState": "CREATING",
            }
            made = self._all[arn] = Resource(data, "customPluginState", tags)
            made.pass_through("CREATING", "ACTIVE")
        return {"customPluginArn": arn, "customPluginState": "CREATING", "name": name, "revision": 1}

    @operation()
    def describe_custom_plugin(self, custom_plugin_arn: str) -> Data:
        """Return a custom plugin."""
        return self.find(custom_plugin_arn, "custom-plugin").described()

    @operation()
    def list_custom_plugins(
        self, name_prefix: str = "", max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        """Return the custom plugins whose names begin with a prefix."""
        found = [one.described() for one in self.of("custom-plugin").values()]
        items = [one for one in found if one["name"].startswith(name_prefix)]
        return self._page(name_prefix, items, "customPlugins", max_results, next_token)

    @operation()
    def delete_custom_plugin(self, custom_plugin_arn: str) -> Data:
        """Delete a custom plugin that no connector uses."""
        self._delete_unused(custom_plugin_arn, "custom-plugin", "custom plugin")
        return {"customPluginArn": custom_plugin_arn, "customPluginState": "DELETING"}

    # --- connectors ------------------------------------------------------------------------------------------------

    @operation()
    def create_connector(
        self, connector_name: str, capacity: Data, connector_configuration: dict[str, str], plugins: list[Data],
        worker_configuration: Data | None = None, tags: dict[str, str] | None = None, **rest: Any,
    ) -> Data:  # fmt: skip
        """Create a connector of active plugins and, if one is named, a worker configuration."""
        _one_of(capacity, "autoScaling", "provisionedCapacity")
        with self._lock:
            arn = self._arn("connector", connector_name, "connectorName")
            for used in (*plugins, *([{"": worker_configuration}] if worker_configuration else ())):
                ((_, one),) = used.items()
                self._usable(one.get("customPluginArn") or one["workerConfigurationArn"])
            if "connector.class" not in connector_configuration:
                raise BadRequestException("Invalid parameter connectorConfiguration: it has no connector.class.")
            data = {
                "connectorArn": arn,
                "connectorName": connector_name,
                "creationTime": _now(),
                "currentVersion": _version(),
                "capacity": _filled(capacity),
                "connectorConfiguration": dict(connector_configuration),
                "plugins": plugins,
                "connectorState": "CREATING",
            } | {_camel(name): value for name, value in rest.items()}
            if worker_configuration:
                data["workerConfiguration"] = worker_configuration
            made = self._all[arn] = Resource(data, "connectorState", tags)
            made.pass_through("CREATING", "RUNNING")
        return {"connectorArn": arn, "connectorName": connector_name, "connectorState": "CREATING"}

    def _usable(self, arn: str) -> None:
        state = self.find(arn).state
        if state != "ACTIVE":
            raise BadRequestException(f"The resource {arn} is in the state {state}.")

    @operation()
    def describe_connector(self, connector_arn: str) -> Data:
        """Return a connector with its configuration."""
        return self.find(connector_arn, "connector").described()

    @operation()
    def list_connectors(
        self, connector_name_prefix: str = "", max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        """Return the connectors whose names begin with a prefix, without their configurations."""
        left_out = ("connectorConfiguration", "stateDescription")
        items = [
            {name: value for name, value in one.described().items() if name not in left_out}
            for one in self.of("connector").values()
            if one.data["connectorName"].startswith(connector_name_prefix)
        ]
        return self._page(connector_name_prefix, items, "connectors", max_results, next_token)

    @operation()
    def update_connector(
        self, connector_arn: str, current_version: str, capacity: Data | None = None,
        connector_configuration: dict[str, str] | None = None,
    ) -> Data:  # fmt: skip
        """Change the capacity or the configuration of a running connector."""
        with self._lock:
            one = self.find(connector_arn, "connector")
            if one.state != "RUNNING":
                raise BadRequestException(f"The connector is in the state {one.state}; it must be RUNNING.")
            if current_version != one.data["currentVersion"]:
                raise BadRequestException("Invalid parameter currentVersion: it is not the connector's version.")
            if (capacity is None) == (connector_configuration is None):
                raise BadRequestException("Specify only one parameter: either capacity or connectorConfiguration.")
            changed: Data = {}
            if capacity is not None:
                changed["capacity"] = _filled(_new_capacity(capacity, one.data["capacity"]))
            if connector_configuration is not None:
                changed["connectorConfiguration"] = _new_configuration(
                    connector_configuration, one.data["connectorConfiguration"]
                )
            started = self._operation(one, capacity is not None)

            def arrived() -> None:
                rolled_back = connector_arn in self.refused_updates
                self.refused_updates.discard(connector_arn)
                started["connectorOperationState"] = "ROLLBACK_COMPLETE" if rolled_back else "UPDATE_COMPLETE"
                started["endTime"] = _now()
                one.data.update({} if rolled_back else changed, currentVersion=_version())

            one.pass_through("UPDATING", "RUNNING")
            one.on_arrival = arrived
        return {
            "connectorArn": connector_arn,
            "connectorState": "UPDATING",
            "connectorOperationArn": started["connectorOperationArn"],
        }

    def _operation(self, one: Resource, capacity: bool) -> Data:
        arn = one.data["connectorArn"]
        made = {
            "connectorOperationArn": f"{arn.replace(':connector/', ':connector-operation/')}/{uuid.uuid4()}",
            "connectorOperationType": "UPDATE_WORKER_SETTING" if capacity else "UPDATE_CONNECTOR_CONFIGURATION",
            "connectorOperationState": "UPDATE_IN_PROGRESS",
            "creationTime": _now(),
        }
        self.operations.setdefault(arn, []).insert(0, made)
        return made

    @operation()
    def list_connector_operations(
        self, connector_arn: str, max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        """Return the operations of a connector, the latest first."""
        self.find(connector_arn, "connector")
        items = [dict(one) for one in self.operations.get(connector_arn, ())]
        return self._page(connector_arn, items, "connectorOperations", max_results, next_token)

    @operation()
    def delete_connector(self, connector_arn: str, current_version: str = "") -> Data:
        """Delete a connector."""
        with self._lock:
            one = self.find(connector_arn, "connector")
            if current_version not in ("", one.data["currentVersion"]):
                raise BadRequestException("Invalid parameter currentVersion: it is not the connector's version.")
            one.pass_through("DELETING", "")
        return {"connectorArn": connector_arn, "connectorState": "DELETING"}

    def fail(self, arn: str, code: str, message: str) -> None:
        """Let a connector fail, as when its worker cannot start."""
        one = self.find(arn, "connector")
        one.data |= {"connectorState": "FAILED", "stateDescription": {"code": code, "message": message}}


def _used(connector: Data) -> set[str]:
    plugins = {one["customPlugin"]["customPluginArn"] for one in connector["plugins"]}
    return plugins | {(connector.get("workerConfiguration") or {}).get("workerConfigurationArn", "")}


def _version() -> str:
    return uuid.uuid4().hex[:14].upper()


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _one_of(given: Data, *names: str) -> None:
    if len([name for name in names if given.get(name)]) != 1:
        raise BadRequestException(f"Specify exactly one of {' and '.join(names)}.")


def _filled(capacity: Data) -> Data:
    """Return a capacity with the defaults that AWS documents for the policies of autoscaling."""
    if not (scaling := capacity.get("autoScaling")):
        return capacity
    defaults = {"scaleInPolicy": 20, "scaleOutPolicy": 80}
    policies = {name: scaling.get(name) or {"cpuUtilizationPercentage": value} for name, value in defaults.items()}
    return {"autoScaling": {**scaling, **policies}}


def _new_capacity(given: Data, present: Data) -> Data:
    _one_of(given, "autoScaling", "provisionedCapacity")
    for name, value in given.items():
        known = present.get(name) or {}
        if value and value == {member: known.get(member) for member in value}:
            raise BadRequestException(
                f"Invalid parameter {name}: The specified parameter value is identical to the current value for the "
                "connector. Specify a different value, then try again."
            )
    return given


def _new_configuration(given: dict[str, str], present: dict[str, str]) -> dict[str, str]:
    if given.get("connector.class", present["connector.class"]) != present["connector.class"]:
        raise BadRequestException("Invalid parameter connectorConfiguration: connector.class cannot be changed.")
    if given == present:
        raise BadRequestException(
            "Invalid parameter connectorConfiguration: The specified parameter value is identical to the current value "
            "for the connector. Specify a different value, then try again."
        )
    return dict(given)


kafkaconnect_backends = BackendDict(KafkaConnectBackend, "kafkaconnect")
