"""Settings of Checkov that .checkov.yaml cannot contain; it names this folder as external checks instead.

Checkov imports this file before it reads any HCL, so that a plain `checkov -d .` has these settings too: as many checks
of the same resources, in a third of the time. Run alone, the file fails if Checkov no longer has such a setting.
"""

import os

from checkov.terraform.graph_builder import utils
from checkov.terraform.graph_builder.variable_rendering import evaluate_terraform, renderer

# A module with count or for_each is checked once.
os.environ["CHECKOV_ENABLE_MODULES_FOREACH_HANDLING"] = "False"

# A longer string is not rendered. Each of these modules has already read the environment.
for module in (utils, evaluate_terraform, renderer):
    if not hasattr(module, "CHECKOV_RENDER_MAX_LEN"):
        raise AttributeError(f"{module.__name__} has no CHECKOV_RENDER_MAX_LEN")
    module.CHECKOV_RENDER_MAX_LEN = 5000
