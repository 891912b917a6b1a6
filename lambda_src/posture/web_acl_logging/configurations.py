"""Logging configurations of web ACLs: read, compare and create.

https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingConfiguration.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

Configuration = dict[str, Any]


def read(wafv2: Any, arn: str) -> Configuration | None:
    """Return the web ACL's logging configuration, or None only if WAF says that there is none.

    Throttling, denied access and all other errors raise: they do not mean "no logging", and treating them so would
    overwrite existing settings.
    """
    try:
        found: Configuration = wafv2.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
    except wafv2.exceptions.WAFNonexistentItemException:
        return None
    return found


def goes_to(configuration: Configuration, destination: str) -> bool:
    """Return whether logs go to `destination`. The ARN of a log group may end in `:*`, with the same meaning."""
    return [arn.removesuffix(":*") for arn in configuration["LogDestinationConfigs"]] == [
        destination.removesuffix(":*")
    ]


def fresh(
    arn: str, destination: str, redacted_headers: Sequence[str], logging_filter: Mapping[str, Any] | None
) -> Configuration:
    """Return the configuration for a web ACL that has none."""
    made: Configuration = {"ResourceArn": arn, "LogDestinationConfigs": [destination]}
    if redacted_headers:
        made["RedactedFields"] = [{"SingleHeader": {"Name": name}} for name in redacted_headers]
    if logging_filter:
        made["LoggingFilter"] = logging_filter
    return made


def redirected(configuration: Configuration, destination: str) -> Configuration:
    """Return the configuration with another destination. A put replaces all, so keep redaction and filter."""
    kept = {name: value for name, value in configuration.items() if name != "ManagedByFirewallManager"}
    return {**kept, "LogDestinationConfigs": [destination]}
