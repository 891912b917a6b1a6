"""S3 answers that MiniStack leaves incomplete.

ListObjectVersions ignores encoding-type=url. Terraform's provider requests it and decodes the keys, so that a
forced deletion of a bucket looks for "a b" instead of "a+b", again and again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from ministack.services import s3

from local.patches.registry import Original, patch

ENCODED = ("Key", "Prefix", "Delimiter", "KeyMarker", "NextKeyMarker")


def url_encoded(body: bytes) -> bytes:
    """Return a listing's XML with its keys and prefixes percent-encoded, as `EncodingType` says."""
    root = ET.fromstring(body)
    namespace = root.tag.partition("}")[0].lstrip("{")
    ET.register_namespace("", namespace)
    for element in root.iter():
        if element.tag.rpartition("}")[2] in ENCODED and element.text:
            element.text = quote(element.text, safe="/")
    ET.SubElement(root, f"{{{namespace}}}EncodingType").text = "url"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


@patch("ministack.services.s3", "_list_object_versions", because="MiniStack ignores encoding-type=url here.")
def list_object_versions(original: Original, bucket_name: str, query_params: dict[str, Any]) -> Any:
    """Encode what ListObjectVersions lists if the request asks for it."""
    status, headers, body = original(bucket_name, query_params)
    if status == 200 and s3._qp(query_params, "encoding-type", "") == "url":
        body = url_encoded(body)
    return status, headers, body
