"""Which scenarios a name stands for, and which of them are the tour."""

from __future__ import annotations

import collections

import pytest

from local.harness import scenario
from local.harness.cloud import LocalCloudError


def test_the_tour_shows_one_capability_of_each_domain() -> None:
    shown = collections.Counter(name.split("/")[0] for name in scenario.tour())
    assert shown == {name.split("/")[0]: 1 for name in scenario.names()}


def test_a_scenario_of_the_tour_is_quick() -> None:
    """`seconds` is there for those that take more than 20, and the tour has three minutes for all."""
    assert [name for name, module in scenario.tour().items() if hasattr(module, "seconds")] == []


def test_capabilities_are_named_with_or_without_their_domain() -> None:
    assert list(scenario.find(["kms_rotation", "posture/finding_chat"])) == [
        "posture/finding_chat",
        "protection/kms_rotation",
    ]


@pytest.mark.parametrize("wanted", [[], ["all"], ["all", "kms_rotation"]])
def test_all_of_them(wanted: list[str]) -> None:
    assert list(scenario.find(wanted)) == scenario.names()


def test_unknown_names_are_refused_with_the_right_ones() -> None:
    with pytest.raises(
        LocalCloudError, match=r"No scenario for finding_chart, tour\. There are: identity/.*finding_chat"
    ):
        scenario.find(["kms_rotation", "finding_chart", "tour"])
