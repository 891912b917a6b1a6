"""Resources of plans and of states, as Terraform writes them."""

from __future__ import annotations

from typing import Any

from tools.shown import resources


def test_resources_of_a_state_have_their_addresses() -> None:
    def kept(*instances: dict[str, Any], mode: str = "managed", **more: Any) -> dict[str, Any]:
        return {"mode": mode, "type": "aws_sqs_queue", "name": "this", "instances": instances, **more}

    state = {
        "resources": [
            kept({"attributes": {"name": "alone"}}),
            kept(
                {"index_key": "a", "attributes": {"name": "first"}},
                {"index_key": 0, "attributes": {"name": "second"}},
                module='module.m["x"].module.n',
            ),
            kept({"attributes": {}}, mode="data"),
        ]
    }
    assert [(one["address"], one["type"], one["values"]["name"]) for one in resources(state)] == [
        ("aws_sqs_queue.this", "aws_sqs_queue", "alone"),
        ('module.m["x"].module.n.aws_sqs_queue.this["a"]', "aws_sqs_queue", "first"),
        ('module.m["x"].module.n.aws_sqs_queue.this[0]', "aws_sqs_queue", "second"),
    ]


def test_resources_of_a_plan_include_those_of_inner_modules() -> None:
    inner = {"mode": "managed", "address": "module.m.aws_kms_key.this", "type": "aws_kms_key", "values": {"tags": {}}}
    outer = {"mode": "managed", "address": "aws_kms_key.this", "type": "aws_kms_key"}  # nothing of it is known
    data = {"mode": "data", "address": "data.aws_region.this", "type": "aws_region", "values": {}}
    root = {"resources": [outer, data], "child_modules": [{"resources": [inner]}, {}]}
    found = list(resources({"planned_values": {"root_module": root}}))
    assert found == [{**outer, "values": {}}, inner]
    assert list(resources({"resources": []})) == list(resources({})) == []
