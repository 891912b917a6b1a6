"""What a stage found, as lines for a log, as JUnit for CodeBuild's reports, and as JSON."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# Characters that XML 1.0 does not have, of which the output of a program may contain some.
_NOT_XML = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n\r"}


@dataclass(frozen=True)
class Case:
    """One thing that was looked at: its suite, its name, and why it failed, or "" if it passed."""

    suite: str
    name: str
    failure: str = ""


@dataclass
class Report:
    """The cases of a stage, and facts that say how much was looked at."""

    stage: str
    cases: list[Case] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, suite: str, failures: Iterable[tuple[str, str]], passed: str = "") -> bool:
        """Add the failures (name, reason) of a suite, or one passed case if there is none. Return whether it passed."""
        found = [Case(suite, name, reason) for name, reason in failures]
        self.cases += found or [Case(suite, passed or suite)]
        return not found

    @property
    def failures(self) -> list[Case]:
        """Return the failed cases."""
        return [case for case in self.cases if case.failure]

    @property
    def passed(self) -> bool:
        """Return true if something was looked at and nothing failed."""
        return bool(self.cases) and not self.failures

    def lines(self) -> list[str]:
        """Return the report for a log, with the failures last."""
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        failed = [f"FAILED {case.suite}: {case.name}: {case.failure}" for case in self.failures]
        total = f"{self.stage}: {len(self.cases) - len(failed)} passed, {len(failed)} failed"
        return [*facts, *(f"note: {note}" for note in self.notes), *failed, total]

    def summary(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "stage": self.stage,
            "passed": self.passed,
            "facts": self.facts,
            "notes": self.notes,
            "cases": [vars(case) for case in self.cases],
        }

    def junit(self) -> bytes:
        """Return the report as a JUnit file, with a suite for each check."""
        root = ET.Element("testsuites", name=self.stage)
        for suite in dict.fromkeys(case.suite for case in self.cases):
            mine = [case for case in self.cases if case.suite == suite]
            failed = sum(bool(case.failure) for case in mine)
            node = ET.SubElement(root, "testsuite", name=suite, tests=str(len(mine)), failures=str(failed))
            for case in mine:
                one = ET.SubElement(node, "testcase", classname=suite, name=_text(case.name))
                if case.failure:
                    ET.SubElement(one, "failure", message=_text(case.failure)[:1000]).text = _text(case.failure)
        written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return written


def _text(text: str) -> str:
    return text.translate(_NOT_XML)
