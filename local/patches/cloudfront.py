"""CloudFront: what it needs of KMS to read an encrypted bucket."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudfront

from local.patches.registry import Original, patch
from local.permissions import key_use, service_may_use

PRINCIPAL = "cloudfront.amazonaws.com"


@patch(
    "ministack.services.cloudfront",
    "_serve_s3_origin",
    because="MiniStack reads objects for CloudFront without the permission to decrypt that their key must give it.",
)
def serve_s3_origin(
    original: Original, origin: dict[str, Any], method: str, uri: str, headers: dict[str, Any], dist_arn: str = ""
) -> Any:
    """Ask the key's policy, as "Restrict access to an Amazon S3 origin" of the developer guide says (SSE-KMS)."""
    answer = original(origin, method, uri, headers, dist_arn)
    arn = f"arn:aws:s3:::{origin['s3_bucket']}/{cloudfront._s3_object_key(origin, uri)}"
    use = key_use(arn, "s3:GetObject", get_region()) if answer[0] == 200 else None
    if use and service_may_use(PRINCIPAL, use, dist_arn, get_account_id(), get_region()):
        return 403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
    return answer


@patch(
    "ministack.services.cloudfront",
    "_build_rhp_config_xml",
    because="MiniStack answers with lists of headers that were not given, which Terraform would remove in each plan.",
)
def build_response_headers_policy(original: Original, parent: Any, cfg: dict[str, Any]) -> Any:
    """Leave out the lists that are empty."""
    answer = original(parent, cfg)
    for config in (parent, *list(parent)):
        for name in ("CustomHeadersConfig", "RemoveHeadersConfig"):
            for found in [one for one in config if one.tag.rpartition("}")[2] == name]:
                if not any(one.tag.rpartition("}")[2] == "Items" and len(one) for one in found):
                    config.remove(found)
    return answer
