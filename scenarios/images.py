"""Container images that a scenario builds and pushes, as `docker build` and `docker push` do."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PART = 64 * 1024


def digest_of(content: bytes) -> str:
    """Return the digest by which a registry knows some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclasses.dataclass(frozen=True)
class Image:
    """An image of one layer: files by path, and the command that runs in `folder`."""

    files: Mapping[str, str]
    command: tuple[str, ...] = ()
    folder: str = "/srv"

    @property
    def layer(self) -> bytes:
        """Return the layer: programs in bin/ are executable."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, text in sorted(self.files.items()):
                data = text.encode()
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
                archive.addfile(entry, io.BytesIO(data))
        return content.getvalue()

    @property
    def config(self) -> dict[str, Any]:
        """Return the configuration, as the OCI image specification has it."""
        return {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": list(self.command), "WorkingDir": self.folder if self.command else ""},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(self.layer)]},
        }

    def push(self, ecr: Any, repository: str, tag: str) -> str:
        """Push the image with the client's permissions. Return its digest."""
        config = json.dumps(self.config).encode()
        ecr.get_authorization_token()
        ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])  # as Docker asks for the manifest
        for blob in (config, self.layer):
            _upload(ecr, repository, blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _described(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [_described(self.layer, "application/vnd.oci.image.layer.v1.tar")],
        }
        answer = ecr.put_image(
            repositoryName=repository,
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=MANIFEST,
            imageTag=tag,
        )
        return str(answer["image"]["imageId"]["imageDigest"])


def _described(blob: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}


def _upload(ecr: Any, repository: str, blob: bytes) -> None:
    where = {"repositoryName": repository}
    if ecr.batch_check_layer_availability(layerDigests=[digest_of(blob)], **where)["layers"]:
        return
    upload = ecr.initiate_layer_upload(**where)["uploadId"]
    for first in range(0, len(blob), PART):
        part = blob[first : first + PART]
        ecr.upload_layer_part(
            uploadId=upload, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part, **where
        )
    ecr.complete_layer_upload(uploadId=upload, layerDigests=[digest_of(blob)], **where)
