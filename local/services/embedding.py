"""A small real embedding model: WordLlama's static embeddings of 256 dimensions, which its wheel contains.

A text's embedding is the mean of those of its tokens, as `WordLlamaInference.embed` computes it. Only the files of the
package are used: its loader looks for the tokenizer in a folder that the wheel does not have, then asks the network.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

DIMENSIONS = 256


@functools.cache
def _model() -> tuple[Any, Any]:
    """Return the tokenizer and the table of embeddings, read on first use."""
    from safetensors import safe_open
    from tokenizers import Tokenizer

    found = importlib.util.find_spec("wordllama")
    folder = Path(str(found.origin)).parent if found else Path()
    with safe_open(folder / "weights" / "l2_supercat_256.safetensors", framework="np") as weights:
        table = weights.get_tensor("embedding.weight")
    return Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")), table


def embed(text: str, normalize: bool = True) -> list[float]:
    """Return the embedding of a text that is not blank."""
    import numpy

    tokenizer, table = _model()
    vector = table[tokenizer.encode(text, add_special_tokens=False).ids].astype("float32").mean(axis=0)
    if normalize:
        vector = vector / (numpy.linalg.norm(vector) or 1.0)
    return [round(float(value), 6) for value in vector]
