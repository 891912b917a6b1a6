"""What a root module has in addition to a module block per capability: the only place where capabilities meet.

`tools.root` (this repository's root) and `tools.stack` (a user's own) both read it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A building block with a switch in the root, as if it were a capability of `domain`."""

    domain: str
    path: str
    hidden_output: str
    """An output that stays inside the root: its modules use it, its users do not need it."""


@dataclass(frozen=True)
class Edge:
    """Argument `argument` of capability `of` is output `output` of capability `source`, or null if that is off."""

    of: str
    argument: str
    source: str
    output: str
    note: str
    """What the user of `of` should know; it ends the description of the variable."""


@dataclass(frozen=True)
class Default:
    """Argument `argument` of capability `of`, if none of `unless` is set, is output `output` of capability `source`.

    So that one apply is enough where a user wants both: a variable of a root cannot name what the root creates.
    """

    of: str
    argument: str
    source: str
    output: str
    unless: tuple[str, ...]
    """Settings, as `capability.setting`. Those of `of` are not required where the default applies."""
    note: str
    """What the user of `of` should know; it ends the description of the variable."""


BLOCKS = {"config_recorder": Block("posture", "modules/blocks/config_recorder", "resources")}

_HUB = "Needs Security Hub: security_standards = {}, unless the account has enabled it in this Region."
_RECORDER = "Needs a recorder: config_recorder = {}, unless the account has one in this Region."
EDGES = (
    Edge("finding_chat", "hub_arn", "security_standards", "hub_arn", _HUB),
    Edge("finding_remediation", "hub_arn", "security_standards", "hub_arn", _HUB),
    Edge("secret_rotation_rules", "recorder_name", "config_recorder", "recorder_name", _RECORDER),
    Edge("security_standards", "recorder_name", "config_recorder", "recorder_name", _RECORDER),
    Edge("web_acl_logging", "recorder_name", "config_recorder", "recorder_name", _RECORDER),
)

_POOL, _ORDERS = (
    "Uses the pool of user_directory",
    ("order_authorization.user_pool_arn", "order_authorization.client_ids"),
)
_STEP_UP = ("step_up_auth.user_pool", "step_up_auth.issuer_url", "step_up_auth.client_ids")
_INACTIVE = ("inactive_users.user_pool_arns", "user_directory.triggers")
_WITHOUT_IDS = f"{_POOL} unless user_pool_arn or client_ids is set."
DEFAULTS = (
    Default(
        "step_up_auth", "user_pool", "user_directory", "authorizer", _STEP_UP, f"{_POOL} unless issuer_url is set."
    ),
    Default("order_authorization", "user_pool_arn", "user_directory", "user_pool_arn", _ORDERS, _WITHOUT_IDS),
    Default("order_authorization", "client_ids", "user_directory", "authorizer.audience", _ORDERS, _WITHOUT_IDS),
    Default(
        "inactive_users",
        "user_pool_arns",
        "user_directory",
        "authorizer.user_pool_arns",
        _INACTIVE,
        f"{_POOL}, and its post-authentication trigger, unless user_pool_arns or user_directory.triggers is set.",
    ),
    Default("user_directory", "triggers", "inactive_users", "sign_in_trigger", _INACTIVE, ""),
)


@dataclass(frozen=True)
class Once:
    """What exists once for an account or an organization, so that of several Regions only one can have it.

    Capability `of`, where `argument` has the value `value` (any value but null if `value` is None), lands in `region`
    only ("" for the home Region). Elsewhere the whole capability is left out, or with `argument_only` the argument.
    """

    of: str
    argument: str
    value: str | None
    region: str
    argument_only: bool
    why: str


ONCE = (
    Once("country_embargo", "scope", "CLOUDFRONT", "us-east-1", False, "AWS WAF keeps what is for CloudFront there."),
    Once("security_standards", "finding_aggregation", None, "", True, "An account aggregates findings in one Region."),
    Once("security_standards", "organization", None, "", True, "An organization is configured from its home Region."),
    Once(
        "security_standards",
        "configuration_policies",
        None,
        "",
        True,
        "Central configuration is managed from the home Region.",
    ),
    Once("secret_rotation_rules", "aggregator", None, "", True, "One aggregator collects the results of all Regions."),
)

# Argument of a capability -> the service-linked role that it creates unless the argument has the role's ARN.
SERVICE_LINKED_ROLES = {("config_recorder", "role_arn"): "config.amazonaws.com/AWSServiceRoleForConfig"}

# Boolean arguments of modules/context that are true if one of these modules is on: a building block or a capability.
CONTEXT_SWITCHES = {"api_gateway_logging": ("rest_api", "openapi_service")}

# Arguments with a default that must be given nevertheless, because one of several is enough.
ONE_OF = {
    "finding_chat": ("slack_channels",),
    "secret_replication": ("targets",),
    "step_up_auth": ("issuer_url", "client_ids"),
}
