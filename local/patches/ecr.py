"""ECR keeps the layers that are uploaded through its API, and an image needs them.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

from local.patches.registry import Original, patch

TARGET = "ministack.services.ecr"
PART = 10 * 1024 * 1024
_LAYERS = "MiniStack does not keep what is uploaded."
Data = dict[str, Any]


def _missing(name: str) -> Any:
    if name in ecr._repositories:
        return None
    message = f"The repository with name '{name}' does not exist"
    return error_response_json("RepositoryNotFoundException", message, 400)


@patch(TARGET, "_initiate_layer_upload", because=_LAYERS)
def initiate_layer_upload(original: Original, data: Data) -> Any:
    """Begin an upload."""
    status, headers, body = original(data)
    if status == 200:
        upload = json.loads(body)["uploadId"]
        ecr._uploads.setdefault(data["repositoryName"], {})[upload] = bytearray()
    return status, headers, body


@patch(TARGET, "_upload_layer_part", because=_LAYERS)
def upload_layer_part(data: Data) -> Any:
    """Keep a part at its place: a part that is sent again replaces itself."""
    name = data.get("repositoryName", "")
    if refused := _missing(name):
        return refused
    upload = ecr._uploads.get(name, {}).get(data.get("uploadId"))
    if upload is None:
        return error_response_json("UploadNotFoundException", "The upload could not be found", 400)
    part, first = base64.b64decode(data["layerPartBlob"]), int(data["partFirstByte"])
    if first > len(upload) or int(data["partLastByte"]) != first + len(part) - 1:
        return error_response_json("InvalidLayerPartException", "The layer part is not the next one", 400)
    upload[first : first + len(part)] = part
    return json_response(
        {"repositoryName": name, "uploadId": data["uploadId"], "lastByteReceived": data["partLastByte"]}
    )


@patch(TARGET, "_complete_layer_upload", because=_LAYERS)
def complete_layer_upload(data: Data) -> Any:
    """Make a layer of an upload. Refuse one with another digest, and one that exists."""
    name, (digest, *_) = data.get("repositoryName", ""), data["layerDigests"]
    if refused := _missing(name):
        return refused
    upload = ecr._uploads.get(name, {}).get(data.get("uploadId"))
    if upload is None:
        return error_response_json("UploadNotFoundException", "The upload could not be found", 400)
    if ecr._content_digest(bytes(upload)) != digest:
        return error_response_json("InvalidLayerException", "Layer digest does not match the uploaded content", 400)
    if digest in ecr._layer_blobs.get(name, {}):
        return error_response_json("LayerAlreadyExistsException", "The layer exists in the repository", 400)
    ecr._layer_blobs.setdefault(name, {})[digest] = bytes(upload)
    ecr._uploads[name].pop(data["uploadId"])
    return json_response({"repositoryName": name, "uploadId": data["uploadId"], "layerDigest": digest})


@patch(TARGET, "_batch_check_layer_availability", because="To MiniStack no layer is available.")
def batch_check_layer_availability(data: Data) -> Any:
    """Return which layers the repository has."""
    name = data.get("repositoryName", "")
    if refused := _missing(name):
        return refused
    layers, failures = [], []
    for digest in data.get("layerDigests", []):
        blob = ecr._layer_blobs.get(name, {}).get(digest)
        if blob is None:
            failures.append({"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": "Not found"})
        else:
            layers.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(blob)})
    return json_response({"layers": layers, "failures": failures})


@patch(TARGET, "_get_download_url_for_layer", because="MiniStack gives a URL at AWS, and one of layers that it lacks.")
def get_download_url_for_layer(original: Original, data: Data) -> Any:
    """Return a URL at this cloud."""
    status, headers, body = original(data)
    if status != 200:
        return status, headers, body
    name, digest = data["repositoryName"], data["layerDigest"]
    if digest not in ecr._layer_blobs.get(name, {}):
        return error_response_json("LayersNotFoundException", f"The layer {digest} does not exist", 400)
    url = f"{os.environ.get('AWS_ENDPOINT_URL', '')}/v2/{name}/blobs/{digest}"
    return json_response({"downloadUrl": url, "layerDigest": digest})


@patch(TARGET, "_put_image", because="MiniStack accepts images without layers, and a digest that is not the image's.")
def put_image(original: Original, data: Data) -> Any:
    """Refuse an image whose layers are not there, one that is there with this tag, and a wrong digest."""
    name, manifest, tag = data.get("repositoryName", ""), data.get("imageManifest", ""), data.get("imageTag")
    if refused := _missing(name):
        return refused
    try:
        content = json.loads(manifest)
        needed = [one["digest"] for one in [content["config"], *content["layers"]]] if "layers" in content else []
    except (ValueError, KeyError, TypeError):
        return error_response_json("InvalidParameterException", "Invalid parameter at 'ImageManifest'", 400)
    digest = ecr._image_digest(manifest)
    if data.get("imageDigest", digest) != digest:
        return error_response_json("ImageDigestDoesNotMatchException", "The digest is not that of the image", 400)
    lacking = [one for one in needed if one not in ecr._layer_blobs.get(name, {})]
    if lacking:
        return error_response_json("LayersNotFoundException", f"Layers with digests {lacking} not found", 400)
    if tag and any(one["imageDigest"] == digest and tag in one["imageTags"] for one in ecr._images[name]):
        return error_response_json("ImageAlreadyExistsException", f"Image with tag '{tag}' already exists", 400)
    return original(data)


@patch(TARGET, "_describe_images", because="MiniStack leaves out images that were asked for and are not there.")
def describe_images(original: Original, data: Data) -> Any:
    """Refuse a request for an image that does not exist."""
    name = data.get("repositoryName", "")
    for wanted in data.get("imageIds") or [] if name in ecr._repositories else []:
        if not ecr._find_image(name, wanted):
            message = f"The image with imageId {wanted} does not exist within the repository with name '{name}'"
            return error_response_json("ImageNotFoundException", message, 400)
    return original(data)
