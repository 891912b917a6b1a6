"""Web ACLs identified by ARN, in any partition."""

import re
from dataclasses import dataclass
from typing import Any

from .errors import NotAWebAcl

RESOURCE_TYPE = "AWS::WAFv2::WebACL"
"""AWS Config's resource type of web ACLs of both scopes."""

_ARN = re.compile(r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:(regional|global)/webacl/[\w-]+/[\w-]+", re.ASCII)
_SCOPES = {"regional": "REGIONAL", "global": "CLOUDFRONT"}


@dataclass(frozen=True)
class WebAcl:
    """One web ACL."""

    arn: str
    scope: str
    """REGIONAL or CLOUDFRONT."""


def parse(arn: str) -> WebAcl:
    """Return the web ACL of an ARN. Raise NotAWebAcl, also for web ACLs of WAF Classic."""
    found = _ARN.fullmatch(arn)
    if not found:
        raise NotAWebAcl(f"{arn!r} is not the ARN of a web ACL of AWS WAF (arn:PARTITION:wafv2:…/webacl/NAME/ID).")
    return WebAcl(arn, _SCOPES[found[1]])


def find(resource_id: str, config: Any) -> WebAcl:
    """Return the web ACL of AWS Config's `resource_id`: usually its ARN; otherwise, look the ARN up in AWS Config.

    `config` is a client of AWS Config. Raise NotAWebAcl.
    """
    if resource_id.startswith("arn:"):
        return parse(resource_id)
    try:
        history = config.get_resource_config_history(resourceType=RESOURCE_TYPE, resourceId=resource_id, limit=1)
    except config.exceptions.ResourceNotDiscoveredException as error:
        raise NotAWebAcl(f"AWS Config has no web ACL {resource_id!r}.") from error
    items: list[dict[str, Any]] = history["configurationItems"]
    return parse(items[0].get("arn", "") if items else "")


def exists(acl: WebAcl, wafv2: Any) -> bool:
    """Return whether the web ACL exists. For its logging configuration, WAF answers the same with and without one."""
    try:
        wafv2.list_tags_for_resource(ResourceARN=acl.arn)
    except wafv2.exceptions.WAFNonexistentItemException:
        return False
    return True
