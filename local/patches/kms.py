"""AWS KMS as the service behaves where MiniStack does not: rotation of key material, paging, usage metrics.

MiniStack keeps one key material for each key, has no `RotateKeyOnDemand` and no `ListKeyRotations`, does not check
rotation periods, lists without pages, and publishes no `AWS/Usage`. Here a key has a stack of materials, a
ciphertext remembers which one made it, and time passes when a scenario calls `pass_time`.
https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

import base64
import contextvars
import json
import os
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response, request_scope
from ministack.services import cloudwatch, kms

from local.patches.registry import Original, patch

Handler = Callable[[dict[str, Any]], Any]

TARGET = "ministack.services.kms"
DAY = 86_400.0
ON_DEMAND_QUOTA = 25
MIN_PERIOD, MAX_PERIOD, DEFAULT_PERIOD = 90, 2560, 365

# Cryptographic operations share a quota by the kind of key. https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
_CRYPTOGRAPHIC = frozenset(
    {
        "Decrypt",
        "DeriveSharedSecret",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GenerateRandom",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)

_passed = 0.0  # seconds that `pass_time` has added
_on_demand_seconds = 0.0
_material_of: dict[bytes, bytes] = {}  # nonce of a ciphertext -> the material that made it
_chosen: contextvars.ContextVar[bytes] = contextvars.ContextVar("switchyard_kms_material", default=b"")


def now() -> float:
    """Return the time by KMS's clock, in Unix seconds."""
    return time.time() + _passed


def _error(code: str, message: str) -> Any:
    return error_response_json(code, message, 400)


def _answer(data: dict[str, Any]) -> Any:
    return json_response(data)


def _rotations(rec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the completed rotations, oldest first, each with its new material."""
    done: list[dict[str, Any]] = rec.get("_rotations", [])
    return done


def _add_rotation(rec: dict[str, Any], kind: str, at: float) -> None:
    """Put new key material on top of the stack, in the primary and in its replicas."""
    members = [member for _, member in kms._mrk_members(rec)] or [rec]
    material = os.urandom(32)
    for member in members:  # new lists: a replica starts with its primary's
        member["_materials"] = [*member.get("_materials", [member["_symmetric_key"]]), material]
        member["_rotations"] = [
            *_rotations(member),
            {"RotationDate": at, "RotationType": kind, "Material": material},
        ]
        member["_symmetric_key"] = material


def _catch_up(rec: dict[str, Any]) -> None:
    """Make the rotations that became due. A disabled key waits, and makes them when it is enabled again."""
    while rec.get("KeyRotationEnabled") and rec["KeyState"] == "Enabled" and rec["NextRotationDate"] <= now():
        _add_rotation(rec, "AUTOMATIC", rec["NextRotationDate"])
        rec["NextRotationDate"] += rec["RotationPeriodInDays"] * DAY
    started = rec.get("_on_demand_started")
    if started is not None and started + rec["_on_demand_seconds"] <= now():
        del rec["_on_demand_started"]
        _add_rotation(rec, "ON_DEMAND", started + rec["_on_demand_seconds"])


def _found(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the key that KeyId names by id or ARN. Rotation accepts no alias."""
    name = str(data.get("KeyId", ""))
    rec: dict[str, Any] | None = None if "alias/" in name else kms._resolve_key(name)
    if rec:
        _catch_up(rec)
    return rec


def _unsupported(rec: dict[str, Any], operation: str, *, external: bool = True) -> Any:
    """Return the error for keys that have no rotation, or None. `external`: imported key material is allowed."""
    if rec.get("KeySpec") != "SYMMETRIC_DEFAULT" or rec["Origin"] not in ("AWS_KMS", "EXTERNAL"):
        return _error("UnsupportedOperationException", f"{operation} is not supported for {rec['Arn']}.")
    if rec["Origin"] == "EXTERNAL" and not external:
        return _error("UnsupportedOperationException", f"{rec['Arn']} origin is EXTERNAL which is not valid for this.")
    return None


def _wrong_state(rec: dict[str, Any]) -> Any:
    if rec["KeyState"] == "Disabled":
        return _error("DisabledException", f"{rec['Arn']} is disabled.")
    if rec["KeyState"] != "Enabled":
        return _error("KMSInvalidStateException", f"{rec['Arn']} is {rec['KeyState']}.")
    return None


def _replica(rec: dict[str, Any]) -> Any:
    if rec.get("_mrk_type") == "REPLICA":
        return _error("UnsupportedOperationException", f"{rec['Arn']} is a replica key; rotate its primary key.")
    return None


_ROTATION = "MiniStack checks neither rotation periods nor the kind of key, and never rotates."


@patch(TARGET, "_enable_key_rotation", because=_ROTATION)
def enable_key_rotation(data: dict[str, Any]) -> Any:
    """Enable rotation. A changed period starts now."""
    if not (rec := _found(data)):
        return _error("NotFoundException", f"Key {data.get('KeyId')} not found")
    if refused := _unsupported(rec, "EnableKeyRotation", external=False) or _replica(rec) or _wrong_state(rec):
        return refused
    period = data.get("RotationPeriodInDays", DEFAULT_PERIOD)
    if not isinstance(period, int) or not MIN_PERIOD <= period <= MAX_PERIOD:
        return _error(
            "ValidationException",
            f"1 validation error detected: Value '{period}' at 'rotationPeriodInDays' failed to satisfy constraint: "
            f"Member must have value between {MIN_PERIOD} and {MAX_PERIOD}",
        )
    if not rec.get("KeyRotationEnabled") or rec.get("RotationPeriodInDays") != period:
        rec.update(KeyRotationEnabled=True, RotationPeriodInDays=period, NextRotationDate=now() + period * DAY)
    return _answer({})


@patch(TARGET, "_disable_key_rotation", because=_ROTATION)
def disable_key_rotation(data: dict[str, Any]) -> Any:
    """Disable rotation. Earlier rotations stay."""
    if not (rec := _found(data)):
        return _error("NotFoundException", f"Key {data.get('KeyId')} not found")
    if refused := _unsupported(rec, "DisableKeyRotation", external=False) or _replica(rec) or _wrong_state(rec):
        return refused
    rec["KeyRotationEnabled"] = False
    return _answer({})


@patch(TARGET, "key_policy_for_arn", because="A key of another account has a policy, too; MiniStack finds none.")
def key_policy_for_arn(original: Original, resource_arn: str) -> Any:
    """Return the key policy and the owner of a key, which may be of another account than the caller."""
    found, parts = original(resource_arn), resource_arn.split(":")
    if found or len(parts) != 6:
        return found
    with request_scope(parts[4], parts[3]):
        return original(resource_arn)


def _primary(rec: dict[str, Any]) -> dict[str, Any]:
    """Return the primary of a multi-Region key: rotation is a shared property, set on the primary."""
    if rec.get("_mrk_type") != "REPLICA":
        return rec
    return next((m for region, m in kms._mrk_members(rec) if region == rec["_mrk_primary_region"]), rec)


@patch(TARGET, "_get_key_rotation_status", because=_ROTATION)
def get_key_rotation_status(data: dict[str, Any]) -> Any:
    """Return the rotation status. A key that awaits deletion does not rotate."""
    if not (rec := _found(data)):
        return _error("NotFoundException", f"Key {data.get('KeyId')} not found")
    if refused := _unsupported(rec, "GetKeyRotationStatus"):
        return refused
    shared = _primary(rec)
    on = bool(shared.get("KeyRotationEnabled")) and rec["KeyState"] not in ("PendingDeletion", "PendingReplicaDeletion")
    answer: dict[str, Any] = {"KeyId": rec["Arn"], "KeyRotationEnabled": on}
    if on:
        answer["RotationPeriodInDays"] = shared["RotationPeriodInDays"]
        answer["NextRotationDate"] = shared["NextRotationDate"]
    if "_on_demand_started" in shared:
        answer["OnDemandRotationStartDate"] = shared["_on_demand_started"]
    return _answer(answer)


def rotate_key_on_demand(data: dict[str, Any]) -> Any:
    """Start a rotation, or refuse it beyond the quota. The scheduled rotation keeps its date."""
    if not (rec := _found(data)):
        return _error("NotFoundException", f"Key {data.get('KeyId')} not found")
    if refused := _unsupported(rec, "RotateKeyOnDemand", external=False) or _replica(rec) or _wrong_state(rec):
        return refused
    if "_on_demand_started" in rec:
        return _error("ConflictException", f"An on-demand rotation of {rec['Arn']} is already in progress.")
    if sum(r["RotationType"] == "ON_DEMAND" for r in _rotations(rec)) >= ON_DEMAND_QUOTA:
        return _error("LimitExceededException", f"{rec['Arn']} has had its {ON_DEMAND_QUOTA} on-demand rotations.")
    rec.update(_on_demand_started=now(), _on_demand_seconds=_on_demand_seconds)
    _catch_up(rec)
    return _answer({"KeyId": rec["Arn"]})


def list_key_rotations(data: dict[str, Any]) -> Any:
    """Return the rotations, oldest first, in pages."""
    if not (rec := _found(data)):
        return _error("NotFoundException", f"Key {data.get('KeyId')} not found")
    if refused := _unsupported(rec, "ListKeyRotations"):
        return refused
    entries: list[dict[str, Any]] = []
    if data.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL" and "_symmetric_key" in rec:
        entries.append({"Material": rec.get("_materials", [rec["_symmetric_key"]])[0]})
    entries += _rotations(rec)
    listed = [
        {
            "KeyId": rec["Arn"],
            "KeyMaterialId": kms._key_material_id({**rec, "_symmetric_key": entry["Material"]}),
            "KeyMaterialState": "CURRENT" if entry["Material"] == rec["_symmetric_key"] else "NON_CURRENT",
            **{k: v for k, v in entry.items() if k != "Material"},
        }
        for entry in entries
    ]
    return _page(data, "Rotations", listed, 1000)


def _page(data: dict[str, Any], member: str, items: list[dict[str, Any]], most: int) -> Any:
    """Return a page by Limit and Marker, as in every list of KMS: 100 by default (aliases 50), `most` at most."""
    limit = data.get("Limit", 50 if member == "Aliases" else 100)
    if not isinstance(limit, int) or not 1 <= limit <= most:
        return _error("ValidationException", f"Limit must be between 1 and {most}")
    marker = data.get("Marker")
    if marker is not None and not (str(marker).isdigit() and int(marker) < len(items)):
        return _error("InvalidMarkerException", "Could not deserialize marker")
    start = int(marker or 0)
    more = start + limit < len(items)
    following = {"NextMarker": str(start + limit)} if more else {}
    return _answer({member: items[start : start + limit], "Truncated": more, **following})


def pass_time(days: float) -> None:
    """Advance KMS's clock, and make the scheduled rotations that become due. Nothing else ages."""
    global _passed  # noqa: PLW0603 - one clock
    _passed += days * DAY
    for rec in list(kms._keys.to_dict().values()):
        region, account = rec["Arn"].split(":")[3:5]
        with request_scope(account, region):
            _catch_up(rec)


def forget_rotations(key_id: str) -> None:
    """Reset a key of the default account and Region: no rotations, and the next one after a full period."""
    from ministack.core.responses import request_scope
    from ministack.services import kms

    from local.settings import ACCOUNT_ID, REGION

    with request_scope(ACCOUNT_ID, REGION):
        if not (rec := kms._resolve_key(key_id)):
            raise LookupError(f"There is no key {key_id}.")
        for member in [member for _, member in kms._mrk_members(rec)] or [rec]:
            member.pop("_rotations", None)
            member["_materials"] = [member["_symmetric_key"]]
            if member.get("KeyRotationEnabled"):
                member["NextRotationDate"] = now() + member["RotationPeriodInDays"] * DAY


def on_demand_takes(seconds: float) -> None:
    """Set how many seconds, by KMS's clock, on-demand rotations that start from now on are in progress."""
    global _on_demand_seconds  # noqa: PLW0603
    _on_demand_seconds = seconds


COMMANDS: dict[str, Any] = {
    "pass_time": pass_time,
    "forget_rotations": forget_rotations,
    "on_demand_takes": on_demand_takes,
}


def usage_resource(action: str, spec: str, pair_spec: str = "") -> str:
    """Return the Resource dimension under which AWS/Usage counts a call with a key of `spec`."""
    if action.startswith("GenerateDataKeyPair"):
        return f"GenerateDataKeyPair-{pair_spec}"
    if action not in _CRYPTOGRAPHIC:
        return action
    for family in ("Rsa", "Ecc"):
        if spec.startswith(family.upper()):
            return f"CryptographicOperations{family}"
    return "CryptographicOperationsSymmetric"


def _ciphertext(data: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(data.get("CiphertextBlob") or "")
    except (TypeError, ValueError):
        return b""


def _used_key(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the key of a request: the one that it names, or the one in its ciphertext."""
    rec: dict[str, Any] | None = kms._resolve_key(data.get("KeyId", ""))
    return rec or kms._resolve_key(_ciphertext(data)[:36].decode("utf-8", errors="ignore"))


def _count(action: str, data: dict[str, Any]) -> None:
    """Count a direct call. Calls that MiniStack makes on a caller's behalf are not counted."""
    spec = (_used_key(data) or {}).get("KeySpec", "")
    resource = usage_resource(action, spec, data.get("KeyPairSpec", ""))
    dimensions = {"Class": "None", "Resource": resource, "Service": "KMS", "Type": "API"}
    cloudwatch.record_metric("AWS/Usage", "CallCount", 1, "None", dimensions)


# --- corrections of MiniStack ------------------------------------------------------------------------------------

_MATERIALS = "MiniStack keeps one key material for each key."


@patch(TARGET, "_KEY_MATERIAL_FIELDS", because=_MATERIALS)
def key_material_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Add the fields of rotation: a replica shares them."""
    return (*fields, "_materials", "_rotations")


@patch(TARGET, "_derive_with_context", because=_MATERIALS)
def derive_with_context(original: Original, key_bytes: bytes, enc_context: Any, nonce: bytes) -> Any:
    """Derive a ciphertext's key, and remember which material made it."""
    _material_of.setdefault(nonce, key_bytes)
    return original(key_bytes, enc_context, nonce)


@patch(TARGET, "_resolve_key", because=_MATERIALS)
def resolve_key(original: Original, key_id_or_arn: Any) -> Any:
    """Return a key; while a ciphertext is decrypted, with the material that made it."""
    rec = original(key_id_or_arn)
    material = _chosen.get()
    return {**rec, "_symmetric_key": material} if rec and material in rec.get("_materials", ()) else rec


@patch(TARGET, "_decrypt", because=_MATERIALS)
def decrypt(original: Original, data: dict[str, Any]) -> Any:
    """Decrypt a ciphertext with the material that made it."""
    token = _chosen.set(_material_of.get(_ciphertext(data)[68:84], b""))
    try:
        return original(data)
    finally:
        _chosen.reset(token)


_PAGES = "MiniStack lists without pages."


@patch(TARGET, "_list_keys", because=_PAGES)
def list_keys(original: Original, data: dict[str, Any]) -> Any:
    """Return a page of keys."""
    return _paged(original, data, "Keys", 1000)


@patch(TARGET, "_list_aliases", because=_PAGES)
def list_aliases(original: Original, data: dict[str, Any]) -> Any:
    """Return a page of aliases."""
    return _paged(original, data, "Aliases", 100)


def _paged(whole: Original, data: dict[str, Any], member: str, most: int) -> Any:
    answer = whole({key: value for key, value in data.items() if key == "KeyId"} | {"Limit": 10**9})
    return _page(data, member, json.loads(answer[2])[member], most) if answer[0] == 200 else answer


@patch(TARGET, "_enable_key", because="A key that is enabled again makes the rotation that it missed at once.")
def enable_key(original: Original, data: dict[str, Any]) -> Any:
    """Enable a key."""
    answer = original(data)
    _found(data)
    return answer


_ADDED: dict[str, Handler] = {"ListKeyRotations": list_key_rotations, "RotateKeyOnDemand": rotate_key_on_demand}


@patch(TARGET, "handle_request", because="MiniStack lacks two operations, and publishes no AWS/Usage.")
async def handle_request(original: Original, method: str, path: str, headers: Any, body: Any, query_params: Any) -> Any:
    """Count a call, and answer it."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        data = json.loads(body) if body else {}
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return await original(method, path, headers, body, query_params)
    _count(action, data)
    return _ADDED[action](data) if action in _ADDED else await original(method, path, headers, body, query_params)
