"""KMS of the local cloud: rotation periods and dates, materials, the on-demand quota, pages, usage metrics."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from local.harness.cloud import Cloud, LocalCloudError
from local.patches import kms as subject

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def kms(cloud: Cloud) -> Any:
    return cloud.client("kms", attempts=1)


def make(kms: Any, **more: Any) -> str:
    return str(kms.create_key(**more)["KeyMetadata"]["KeyId"])


def rotations(kms: Any, key: str) -> list[str]:
    return [r["RotationType"] for r in kms.list_key_rotations(KeyId=key)["Rotations"]]


def test_status_has_the_period_and_the_next_date(kms: Any) -> None:
    key = make(kms)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    assert "NextRotationDate" not in kms.get_key_rotation_status(KeyId=key)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=120)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 120)
    due = status["NextRotationDate"] - datetime.datetime.now(datetime.UTC)
    assert abs(due - 120 * DAY) < datetime.timedelta(seconds=60)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=120)
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == status["NextRotationDate"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert status["NextRotationDate"] - kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] > 29 * DAY


@pytest.mark.parametrize("period", [89, 2561, 0, -1])
def test_periods_out_of_range_are_refused(cloud: Cloud, kms: Any, period: int) -> None:
    key = make(kms)
    unchecked = kms.meta.service_model.shape_for("RotationPeriodInDaysType")
    assert (unchecked.metadata["min"], unchecked.metadata["max"]) == (subject.MIN_PERIOD, subject.MAX_PERIOD)
    unvalidated = cloud.client("kms", attempts=1)  # boto3 itself would refuse some values
    unvalidated._serializer = create_serializer("json", include_validation=False)
    with pytest.raises(ClientError, match="ValidationException"):
        unvalidated.enable_key_rotation(KeyId=key, RotationPeriodInDays=period)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


@pytest.mark.parametrize("period", [90, 2560])
def test_the_ends_of_the_range_are_taken(kms: Any, period: int) -> None:
    key = make(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=period)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == period


def test_data_decrypts_after_rotation_with_the_material_that_made_it(cloud: Cloud, kms: Any) -> None:
    key, other = make(kms), make(kms)
    context = {"purpose": "test"}
    blobs = []
    for _ in range(3):
        made = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
        blobs.append(made)
        data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
        kms.rotate_key_on_demand(KeyId=key)
        found = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"], EncryptionContext=context)
        assert found["Plaintext"] == data_key["Plaintext"]
    answers = [kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionContext=context) for blob in blobs]
    assert {a["Plaintext"] for a in answers} == {b"secret"}
    assert len({a["KeyMaterialId"] for a in answers}) == 3
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialState"] for entry in listed] == ["NON_CURRENT"] * 3 + ["CURRENT"]
    assert [a["KeyMaterialId"] for a in answers] == [entry["KeyMaterialId"] for entry in listed[:3]]
    moved = other.encode() + base64.b64decode(base64.b64encode(blobs[0]))[36:]
    assert kms.decrypt(CiphertextBlob=moved, EncryptionContext=context)["Plaintext"] != b"secret"


def test_on_demand_rotation_leaves_the_schedule_and_ends_at_its_quota(kms: Any) -> None:
    key = make(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=365)
    due = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    for _ in range(subject.ON_DEMAND_QUOTA):
        kms.rotate_key_on_demand(KeyId=key)
    assert rotations(kms, key) == ["ON_DEMAND"] * 25
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == due
    with pytest.raises(ClientError, match="LimitExceededException"):
        kms.rotate_key_on_demand(KeyId=key)
    pages = list(kms.get_paginator("list_key_rotations").paginate(KeyId=key, PaginationConfig={"PageSize": 10}))
    assert [len(page["Rotations"]) for page in pages] == [10, 10, 5]
    with pytest.raises(ClientError, match="InvalidMarkerException"):
        kms.list_key_rotations(KeyId=key, Marker="x")


def test_rotation_in_progress(cloud: Cloud, kms: Any) -> None:
    key = make(kms)
    cloud.command("kms/on_demand_takes", {"seconds": 3600})
    kms.rotate_key_on_demand(KeyId=key)
    cloud.command("kms/on_demand_takes", {"seconds": 0})
    assert "OnDemandRotationStartDate" in kms.get_key_rotation_status(KeyId=key)
    assert rotations(kms, key) == []
    with pytest.raises(ClientError, match="ConflictException"):
        kms.rotate_key_on_demand(KeyId=key)
    cloud.command("kms/pass_time", {"days": 1})
    assert rotations(kms, key) == ["ON_DEMAND"]


def test_a_key_that_is_enabled_again_makes_up_for_its_rotation_at_once(cloud: Cloud, kms: Any) -> None:
    key = make(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    kms.disable_key(KeyId=key)
    cloud.command("kms/pass_time", {"days": 101})
    kms.enable_key(KeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]  # before any call about rotation
    (current,) = (r for r in kms.list_key_rotations(KeyId=key)["Rotations"] if r["KeyMaterialState"] == "CURRENT")
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == current["KeyMaterialId"]


def test_time_passes(cloud: Cloud, kms: Any) -> None:
    key, disabled, deleted = make(kms), make(kms), make(kms)
    for each in (key, disabled, deleted):
        kms.enable_key_rotation(KeyId=each, RotationPeriodInDays=100)
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=deleted, PendingWindowInDays=7)
    before = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    cloud.command("kms/pass_time", {"days": 99})
    assert rotations(kms, key) == []
    cloud.command("kms/pass_time", {"days": 102})
    entries = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [e["RotationType"] for e in entries] == ["AUTOMATIC", "AUTOMATIC"]
    assert entries[0]["RotationDate"] == before
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == before + 200 * DAY
    assert rotations(kms, disabled) == []
    kms.enable_key(KeyId=disabled)
    assert rotations(kms, disabled)[0] == "AUTOMATIC"
    assert kms.get_key_rotation_status(KeyId=deleted)["KeyRotationEnabled"] is False
    with pytest.raises(LocalCloudError, match="no command"):
        cloud.command("kms/nothing", {})


def test_keys_without_rotation_say_so(kms: Any) -> None:
    rsa = make(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    mac = make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    imported = make(kms, Origin="EXTERNAL")
    for key in (rsa, mac):
        for operation in (
            "enable_key_rotation",
            "get_key_rotation_status",
            "list_key_rotations",
            "rotate_key_on_demand",
        ):
            with pytest.raises(ClientError, match="UnsupportedOperationException"):
                getattr(kms, operation)(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=imported)["KeyRotationEnabled"] is False
    with pytest.raises(ClientError, match="UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=imported)
    disabled = make(kms)
    kms.disable_key(KeyId=disabled)
    with pytest.raises(ClientError, match="DisabledException"):
        kms.rotate_key_on_demand(KeyId=disabled)
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.rotate_key_on_demand(KeyId="00000000-0000-0000-0000-000000000000")


def test_a_replica_shares_the_rotation_of_its_primary(cloud: Cloud, kms: Any) -> None:
    key = make(kms, MultiRegion=True)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=200)
    kms.rotate_key_on_demand(KeyId=key)
    early = kms.encrypt(KeyId=key, Plaintext=b"early")["CiphertextBlob"]
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-central-1")
    kms.rotate_key_on_demand(KeyId=key)
    there = cloud.client("kms", region="eu-central-1", attempts=1)
    assert there.decrypt(CiphertextBlob=early, KeyId=key)["Plaintext"] == b"early"
    late = there.encrypt(KeyId=key, Plaintext=b"late")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=late, KeyId=key)["Plaintext"] == b"late"
    assert there.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 200
    assert rotations(there, key) == rotations(kms, key) == ["ON_DEMAND", "ON_DEMAND"]
    for operation in ("rotate_key_on_demand", "enable_key_rotation", "disable_key_rotation"):
        with pytest.raises(ClientError, match="UnsupportedOperationException"):
            getattr(there, operation)(KeyId=key)


def test_lists_come_in_pages(kms: Any) -> None:
    keys = {make(kms) for _ in range(7)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 5}))
    assert keys <= {key["KeyId"] for page in pages for key in page["Keys"]}
    assert all(len(page["Keys"]) == 5 for page in pages[:-1])
    for number in range(3):
        kms.create_alias(AliasName=f"alias/page-{number}", TargetKeyId=next(iter(keys)))
    listed = list(kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 2}))
    assert {f"alias/page-{n}" for n in range(3)} <= {a["AliasName"] for page in listed for a in page["Aliases"]}
    assert len(listed) > 1
    with pytest.raises(ClientError, match="ValidationException"):
        kms.list_aliases(Limit=101)


def test_calls_are_counted_by_quota(cloud: Cloud, kms: Any) -> None:
    rsa = make(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    ecc = make(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    blob = kms.encrypt(KeyId=make(kms), Plaintext=b"x")["CiphertextBlob"]
    watch = cloud.client("cloudwatch")

    def counted(resource: str) -> float:
        now = datetime.datetime.now(datetime.UTC)
        dimensions = {"Class": "None", "Resource": resource, "Service": "KMS", "Type": "API"}
        answer = watch.get_metric_statistics(
            Namespace="AWS/Usage",
            MetricName="CallCount",
            Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
            StartTime=now - DAY,
            EndTime=now + DAY,
            Period=86400,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))

    families = [f"CryptographicOperations{f}" for f in ("Symmetric", "Rsa", "Ecc")]
    before = [counted(resource) for resource in families]
    kms.decrypt(CiphertextBlob=blob)
    kms.generate_random(NumberOfBytes=8)
    for _ in range(3):
        kms.sign(KeyId=rsa, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
    kms.sign(KeyId=ecc, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    assert [counted(r) - b for r, b in zip(families, before, strict=True)] == [2, 3, 1]
    assert counted("CreateKey") > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0, 800)),
            st.tuples(st.just("on demand"), st.just(0.0)),
            st.tuples(st.just("period"), st.integers(90, 2560).map(float)),
            st.tuples(st.just("off"), st.just(0.0)),
            st.tuples(st.just("disable"), st.just(0.0)),
            st.tuples(st.just("enable"), st.just(0.0)),
        ),
        max_size=12,
    )
)
def test_any_history_of_rotations_is_consistent(steps: list[tuple[str, float]]) -> None:
    """Dates ascend, materials and rotations agree, and the next date of an enabled key is in the future."""
    rec: dict[str, Any] = {
        "Arn": "arn:aws:kms:eu-west-1:1:key/a",
        "KeyId": "a",
        "KeyState": "Enabled",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "_symmetric_key": b"0" * 32,
    }
    on_demand = 0
    for step, value in steps:
        subject._catch_up(rec)
        if step == "pass":
            subject._passed += value * subject.DAY
        elif step == "period":
            rec.update(
                KeyRotationEnabled=True, RotationPeriodInDays=int(value), NextRotationDate=subject.now() + value * 86400
            )
        elif step == "off":
            rec["KeyRotationEnabled"] = False
        elif step in ("disable", "enable"):
            rec["KeyState"] = "Disabled" if step == "disable" else "Enabled"
        elif rec["KeyState"] == "Enabled":
            subject._add_rotation(rec, "ON_DEMAND", subject.now())
            on_demand += 1
    subject._catch_up(rec)
    done = subject._rotations(rec)
    assert sum(r["RotationType"] == "ON_DEMAND" for r in done) == on_demand
    assert len(rec.get("_materials", [b""])) == len(done) + 1
    assert not done or rec["_symmetric_key"] == done[-1]["Material"]
    if rec.get("KeyRotationEnabled") and rec["KeyState"] == "Enabled":
        assert rec["NextRotationDate"] > subject.now()


def test_a_key_forgets_its_rotations(cloud: Cloud, kms: Any) -> None:
    """A scenario that runs again on the same stack needs this: the quota of on-demand rotations is for a lifetime."""
    key = make(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    cloud.command("kms/pass_time", {"days": 100})
    kms.rotate_key_on_demand(KeyId=key)
    assert rotations(kms, key) == ["AUTOMATIC", "ON_DEMAND"]
    cloud.command("kms/forget_rotations", {"key_id": key})
    assert rotations(kms, key) == []
    cloud.command("kms/pass_time", {"days": 89})
    assert rotations(kms, key) == []
    cloud.command("kms/pass_time", {"days": 1})
    assert rotations(kms, key) == ["AUTOMATIC"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with pytest.raises(LocalCloudError, match="There is no key"):
        cloud.command("kms/forget_rotations", {"key_id": "no-such"})
