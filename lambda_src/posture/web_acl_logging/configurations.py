"""Logging configurations of web ACLs: read, compared and made.

https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingConfiguration.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

Configuration = dict[str, Any]


def read(wafv2: Any, arn: str) -> Configuration | None:
    """The web ACL's logging configuration; None only where WAF says that there is none.

    Throttling, denied access and all else raise: they say nothing of the web ACL, and taking them for "no logging"
    would overwrite what is set.
    """
    try:
        found: Configuration = wafv2.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
    except wafv2.exceptions.WAFNonexistentItemException:
        return None
    return found


def goes_to(configuration: Configuration, destination: str) -> bool:
    """Whether logs go to `destination`. The ARN of a log group may end in `:*`, which means the same."""
    return [arn.removesuffix(":*") for arn in configuration["LogDestinationConfigs"]] == [
        destination.removesuffix(":*")
    ]


def fresh(
    arn: str, destination: str, redacted_headers: Sequence[str], logging_filter: Mapping[str, Any] | None
) -> Configuration:
    """For a web ACL that has none."""
    made: Configuration = {"ResourceArn": arn, "LogDestinationConfigs": [destination]}
    if redacted_headers:
        made["RedactedFields"] = [{"SingleHeader": {"Name": name}} for name in redacted_headers]
    if logging_filter:
        made["LoggingFilter"] = logging_filter
    return made


def redirected(configuration: Configuration, destination: str) -> Configuration:
    """The same with another destination: a put replaces all, so redaction and filter go along."""
    kept = {name: value for name, value in configuration.items() if name != "ManagedByFirewallManager"}
    return {**kept, "LogDestinationConfigs": [destination]}
