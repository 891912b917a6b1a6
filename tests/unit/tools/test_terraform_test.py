"""Test files dealt out to several Terraform processes."""

from __future__ import annotations

from pathlib import Path

from tools import terraform_test

MODULE_RUN = 'run "a" {\n  module {\n    source = "./modules/a"\n  }\n}\n'
VARIABLES_RUN = 'run "b" {\n  module {\n    source = "./tests/fixtures/variables/a"\n  }\n}\n'
ROOT_RUN = 'run "c" {\n  command = plan\n}\n'


def test_every_file_is_in_one_share_and_shares_weigh_the_same(tmp_path: Path) -> None:
    texts = [ROOT_RUN, *[MODULE_RUN * 2] * 4, VARIABLES_RUN * 10]
    files = [tmp_path / f"{number}.tftest.hcl" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    first, second = terraform_test.shares({file: terraform_test.weight(file.read_text()) for file in files}, 2)
    assert sorted([*first, *second]) == files
    weights = [sum(terraform_test.weight(file.read_text()) for file in share) for share in (first, second)]
    assert abs(weights[0] - weights[1]) <= 1
    assert terraform_test.shares({files[0]: 1.0}, 4) == [files[:1]]
