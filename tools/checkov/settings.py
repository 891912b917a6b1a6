"""Settings of Checkov that .checkov.yaml cannot contain; it names this folder as external checks instead.

Checkov imports this file before it reads any HCL, so that a plain `checkov -d .` has these settings too: as many checks
of the same resources, in an eighth of the time. Run alone, the file fails if Checkov no longer has such a setting.
"""

import copy
import functools
import os
from collections.abc import Callable
from typing import Any

from checkov.terraform.graph_builder import utils
from checkov.terraform.graph_builder.variable_rendering import evaluate_terraform, renderer
from ply import yacc

# A module with count or for_each is checked once.
os.environ["CHECKOV_ENABLE_MODULES_FOREACH_HANDLING"] = "False"

# A longer string is not rendered. Each of these modules has already read the environment.
for module in (utils, evaluate_terraform, renderer):
    if not hasattr(module, "CHECKOV_RENDER_MAX_LEN"):
        raise AttributeError(f"{module.__name__} has no CHECKOV_RENDER_MAX_LEN")
    module.CHECKOV_RENDER_MAX_LEN = 5000

# Paths of attributes are read by a parser that makes its tables again for each path: 40 % of Checkov's time.
_make_tables = yacc.LRGeneratedTable
_made: dict[tuple[str, str], Any] = {}


def _tables(grammar: Any, *rest: Any) -> Any:
    key = str(grammar.Productions), str(grammar.Precedence)
    if key not in _made:
        _made[key] = _make_tables(grammar, *rest)
    return _made[key]


yacc.LRGeneratedTable = _tables


def _once(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that evaluates each expression once. Its callers may change the lists and maps they are given.

    Checkov evaluates the expressions of a block again for each use of it: half of its time.
    """
    known = functools.cache(evaluate)

    def value(expression: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(expression, str):
            return copy.deepcopy(known(expression, *rest, **options))
        return evaluate(expression, *rest, **options)

    return value


for name in ("evaluate_terraform", "remove_interpolation"):
    setattr(evaluate_terraform, name, _once(getattr(evaluate_terraform, name)))
