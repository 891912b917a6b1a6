"""Amazon Lex V2: bots that are built, versions, aliases, and conversations by text.

A bot comes from CloudFormation (`AWS::Lex::Bot`, `BotVersion`, `BotAlias`), as `local.patches.lex` makes it; the models
API reads only. A locale that Lex would not build is refused with the reason. RecognizeText compares what a user writes
with the sample utterances word by word, fills slots from their values and synonyms, and calls the code hook of the
alias, with the documented event, under the function's policy. Not here: understanding of language, confirmation,
conditions, contexts, composite slots, speech, streams, conversation logs, imports, and the writing operations.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve Lex from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
