"""Check the comparison of the modules with another provider's schema, on bindings as CDKTF writes them."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from tools import provider_schema
from tools.bootstrap import ROOT

_DOC = "/** {{@link https://example.com/providers/hashicorp/aws/6.25.0/docs/{kind}/{page}#{name} X#{name}}} */"
_DECLARED = """
export interface ThingConfig extends cdktf.TerraformMetaArguments {{
    {name}
    readonly name: string;
    {rule}
    readonly rule?: ThingRule[] | cdktf.IResolvable;
    {timeouts}
    readonly timeouts?: ThingTimeouts;
    {loose}
    readonly loose?: any;
}}
export interface ThingRule {{
    {days}
    readonly numberOfDays: number;
}}
export interface ThingTimeouts {{
    {create}
    readonly create?: string;
}}
export declare class Thing extends cdktf.TerraformResource {{
"""
_CODE = """
class ThingTimeoutsOutputReference extends cdktf.ComplexObject {
    get create() { return this.getStringAttribute('create'); }
}
class Thing extends cdktf.TerraformResource {
    constructor() { this._rule = new ThingRuleList(this, "rule", false); }
    get arn() { return this.getStringAttribute('arn'); }
}
"""


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, provider_schema.Schema]:
    """Return the schemas of a package with one resource and one data source."""
    texts = {}
    for folder, kind in (("thing", "resources"), ("data-aws-thing", "data-sources")):
        names = {
            key: _DOC.format(kind=kind, page="thing", name=name)
            for key, name in {
                **{n: n for n in ("name", "rule", "timeouts", "loose", "create")},
                "days": "number_of_days",
            }.items()
        }
        # The archive holds code and declarations in either order.
        texts[f"package/lib/{folder}/index.js"] = _CODE
        texts[f"package/lib/{folder}/index.d.ts"] = _DECLARED.format(**names)
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    wheel = tmp_path_factory.mktemp("wheel") / "bindings.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("x/_jsii/provider-aws@1.jsii.tgz", inner.getvalue())
    version, found = provider_schema.bindings(wheel)
    assert version == "6.25.0"
    assert set(found) == {"aws_thing", "data.aws_thing"}
    return found


def _problems(schemas: dict[str, provider_schema.Schema], body: str, *, rest: str = "") -> list[str]:
    text = f'resource "aws_thing" "this" {{\n{body}\n}}\n{rest}'
    return provider_schema.check({"main.tf": text}, schemas).problems


def test_what_fits_is_counted_and_nothing_else_is_said(schemas: dict[str, provider_schema.Schema]) -> None:
    body = """
      for_each = toset(["a"])
      name     = each.key
      rule { number_of_days = 1 }
      dynamic "rule" {
        for_each = [2]
        content { number_of_days = rule.value }
      }
      timeouts { create = "30m" }
      lifecycle { ignore_changes = [name] }
    """
    rest = 'output "arns" { value = [for k in ["a"] : aws_thing.this[k].arn] }'
    result = provider_schema.check({"main.tf": f'resource "aws_thing" "this" {{{body}}}\n{rest}'}, schemas)
    assert result.problems == []
    assert result.counts == {"resources": 1, "arguments and blocks": 7, "references to attributes": 1}
    assert "1 resources, of 1 types" in provider_schema.report("6.25.0", result)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('name = "x"\ncolour = "red"', "main.tf: aws_thing.this: has no colour"),
        ("", "main.tf: aws_thing.this: requires name"),
        ('name = "x"\nrule {}', "main.tf: aws_thing.this.rule: requires number_of_days"),
        ('name = "x"\nrule {\n number_of_days = 1\n hours = 2\n}', "main.tf: aws_thing.this.rule: has no hours"),
        (
            'name = "x"\ndynamic "rule" {\n for_each = [1]\n content { days = 1 }\n}',
            "main.tf: aws_thing.this.rule: has no days",
        ),
        ('name = "x"\ntimeouts { update = "1m" }', "main.tf: aws_thing.this.timeouts: has no update"),
    ],
)
def test_what_does_not_fit_is_named(schemas: dict[str, provider_schema.Schema], body: str, problem: str) -> None:
    assert problem in _problems(schemas, body)


@pytest.mark.parametrize(
    "reference", ["aws_thing.this.create", "aws_thing.this[0].url", "data.aws_thing.this[each.key].url"]
)
def test_an_attribute_that_is_gone_is_named(schemas: dict[str, provider_schema.Schema], reference: str) -> None:
    """A timeout's `create` belongs to another class of the bindings."""
    attribute = reference.rpartition(".")[2]
    found = _problems(schemas, 'name = "x"', rest=f'output "x" {{ value = {reference} }}')
    assert found == [f"main.tf: {reference}: has no attribute {attribute}"]


def test_a_type_that_is_gone_is_named(schemas: dict[str, provider_schema.Schema]) -> None:
    found = provider_schema.check({"a.tf": 'data "aws_gone" "x" {}\nresource "random_id" "y" {}'}, schemas)
    assert found.problems == ["a.tf: data.aws_gone does not exist"]
    assert "- a.tf: data.aws_gone does not exist" in provider_schema.report("6", found)


def test_blocks_that_the_source_leaves_untyped_are_listed(schemas: dict[str, provider_schema.Schema]) -> None:
    found = provider_schema.check({"a.tf": 'resource "aws_thing" "x" {\n name = "x"\n loose { y = 1 }\n}'}, schemas)
    assert found.problems == []
    assert found.untyped == {"aws_thing.x.loose"}
    assert "- `aws_thing.x.loose`" in provider_schema.report("6", found)


def test_every_module_is_looked_at() -> None:
    found = provider_schema.sources()
    assert {"main.tf", "modules/context/main.tf", "modules/posture/finding_remediation/member_role/main.tf"} <= set(
        found
    )


def test_the_kept_report_covers_every_type_of_the_modules() -> None:
    """Red when a module uses a new type: run the tool again."""
    kept = (ROOT / "docs/provider-6.md").read_text()
    used = provider_schema.types()
    assert sorted(kind for kind in used if f"- `{kind}`\n" not in kept) == []
    assert "Does not fit" not in kept
