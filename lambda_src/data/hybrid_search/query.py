"""A search: what a client may ask, the body that the domain gets, and what of its answer the client sees."""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import objects
from .errors import InvalidSearch, PipelineMissing

LEXICAL, VECTOR, HYBRID = "lexical", "vector", "hybrid"
MODES = (HYBRID, LEXICAL, VECTOR)
NORMALIZATIONS = ("min_max", "l2")
COMBINATIONS = ("arithmetic_mean", "geometric_mean", "harmonic_mean")
MAXIMUM_CHARACTERS = 500
MAXIMUM_SIZE = 50
MAXIMUM_VALUES = 50
# Around the words that match: characters that the loader removes from documents. The client never gets markup.
BEFORE, AFTER = "\x02", "\x03"
FIELDS = ("query", "mode", "weight", "normalization", "combination", "filters", "from", "size")


@dataclass(frozen=True)
class Settings:
    """The environment of the search function."""

    endpoint: str
    model_id: str
    index: str
    text_field: str
    filter_fields: dict[str, str]
    depth: int
    """How many documents of each sub-query are normalised and combined: the end of the last page."""
    weight: float
    minimum_lexical_score: float = 0.0
    minimum_vector_score: float = 0.0


@dataclass(frozen=True)
class Search:
    """A search that is valid. `weight` is that of the vectors; that of the words is the rest of 1."""

    text: str
    mode: str
    weight: float
    normalization: str = "min_max"
    combination: str = "arithmetic_mean"
    filters: list[dict[str, Any]] = field(default_factory=list)
    start: int = 0
    size: int = 10

    @property
    def weights(self) -> list[float]:
        """Return the weights of words and vectors, whose sum is 1."""
        return [round(1 - self.weight, 6), round(self.weight, 6)]


def parse(body: Mapping[str, Any], conf: Settings) -> Search:
    """Return the search that a body asks for. Raise InvalidSearch with a message for each wrong field."""
    errors = {name: "There is no such field." for name in body if name not in FIELDS}

    def read(name: str, check: Callable[[Any], Any], default: Any) -> Any:
        if name not in body:
            return default
        try:
            return check(body[name])
        except ValueError as error:
            errors[name] = str(error)
            return default

    text = read("query", _text, "")
    if "query" not in body:
        errors["query"] = "Write what to search for."
    weight = read("weight", _weight, conf.weight)
    mode = read("mode", _one_of(MODES), HYBRID)
    if mode == HYBRID:  # a hybrid query with a weight of 0 would also list what only the other sub-query finds
        mode = {0.0: LEXICAL, 1.0: VECTOR}.get(weight, HYBRID)
    search = Search(
        text=text,
        mode=mode,
        weight=weight,
        normalization=read("normalization", _one_of(NORMALIZATIONS), NORMALIZATIONS[0]),
        combination=read("combination", _one_of(COMBINATIONS), COMBINATIONS[0]),
        filters=read("filters", lambda value: filters(value, conf.filter_fields), []),
        start=read("from", _whole(0, conf.depth - 1), 0),
        size=read("size", _whole(1, MAXIMUM_SIZE), 10),
    )
    if not errors and search.start + search.size > conf.depth:
        errors["from"] = f"Results end at {conf.depth}: from and size together can be {conf.depth} at most."
    if errors:
        raise InvalidSearch(errors)
    return search


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Write text.")  # noqa: TRY004 - the reason that a client gets
    text = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", value).split())
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("The text has half a character.") from None
    if not text:
        raise ValueError("Write what to search for.")
    if len(text) > MAXIMUM_CHARACTERS:
        raise ValueError(f"Write {MAXIMUM_CHARACTERS} characters at most.")
    return text


def _weight(value: Any) -> float:
    if not _number(value) or not 0 <= value <= 1:
        raise ValueError("The weight of the vectors is a number from 0 to 1.")
    return float(value)


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"Use one of {', '.join(names)}.")
        return value

    return check


def _whole(lowest: int, highest: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"Use a whole number from {lowest} to {highest}.")
        return value

    return check


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300  # false for NaN


def _date(value: Any) -> bool:
    try:
        datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


_FITS: dict[str, Callable[[Any], bool]] = {
    "keyword": lambda value: isinstance(value, str) and len(value) <= 256 and value.isprintable(),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31,
    "float": _number,
    "date": _date,
}
_LIMITS = ("gt", "gte", "lt", "lte")


def filters(value: Any, fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return OpenSearch's filters for {field: value, values or limits}. Raise ValueError."""
    if not isinstance(value, dict):  # as above
        raise ValueError(  # noqa: TRY004
            'Write an object such as {"brand": ["Acme"], "price": {"lte": 100}}.'
        )
    return [_filter(name, wanted, fields) for name, wanted in sorted(value.items())]


def _filter(name: str, wanted: Any, fields: Mapping[str, str]) -> dict[str, Any]:
    if name not in fields:
        raise ValueError(f"Filter by {', '.join(sorted(fields)) or 'nothing: no field is set up for it'}.")
    kind = fields[name]
    fits = _FITS[kind]
    if isinstance(wanted, dict):
        if kind not in ("integer", "float", "date") or not wanted or set(wanted) - set(_LIMITS):
            raise ValueError(f"{name} is {kind}; numbers and dates take gt, gte, lt and lte.")
        if not all(fits(limit) for limit in wanted.values()):
            raise ValueError(f"The limits of {name} must be {kind}.")
        return {"range": {name: wanted}}
    values = wanted if isinstance(wanted, list) else [wanted]
    if not 1 <= len(values) <= MAXIMUM_VALUES or not all(fits(one) for one in values):
        raise ValueError(f"{name} takes 1 to {MAXIMUM_VALUES} values that are {kind}.")
    return {"terms": {name: values}}


def body(search: Search, conf: Settings) -> dict[str, Any]:
    """Return the body of the domain's _search.

    `hybrid` is always the outermost query: inside another one its scores are wrong or it is refused, depending on the
    version. Filters are part of each sub-query instead. The pipeline is in the body, so that searches with different
    settings cannot disturb each other.
    """
    queries = {LEXICAL: _lexical(search, conf), VECTOR: _vector(search, conf)}
    made: dict[str, Any] = {
        "_source": {"excludes": [conf.text_field + objects.EMBEDDING]},
        "query": queries.get(search.mode)
        or {"hybrid": {"queries": [queries[LEXICAL], queries[VECTOR]], "pagination_depth": conf.depth}},
        "from": search.start,
        "size": search.size,
        "highlight": {
            "pre_tags": [BEFORE],
            "post_tags": [AFTER],
            "fields": {conf.text_field: {"number_of_fragments": 0}},
        },
    }
    if search.mode == HYBRID:
        made["search_pipeline"] = objects.normalization(search.normalization, search.combination, search.weights)
    return made


def _lexical(search: Search, conf: Settings) -> dict[str, Any]:
    match: dict[str, Any] = {"match": {conf.text_field: {"query": search.text}}}
    if search.filters:
        match = {"bool": {"must": [match], "filter": search.filters}}
    if conf.minimum_lexical_score > 0:  # on the raw score: min_max gives 1.0 to a single hit, however weak
        match = {"function_score": {"query": match, "min_score": conf.minimum_lexical_score}}
    return match


def _vector(search: Search, conf: Settings) -> dict[str, Any]:
    clause: dict[str, Any] = {"query_text": search.text, "model_id": conf.model_id}
    if conf.minimum_vector_score > 0:
        clause["min_score"] = conf.minimum_vector_score
    else:
        clause["k"] = conf.depth
    if search.filters:
        clause["filter"] = {"bool": {"filter": search.filters}}
    return {"neural": {conf.text_field + objects.EMBEDDING: clause}}


def results(answer: Mapping[str, Any], search: Search, conf: Settings) -> dict[str, Any]:
    """Return what a client sees of the domain's answer. Raise PipelineMissing.

    `partial`: a shard failed or the search took too long, so that hits may be missing.
    """
    found = answer["hits"]
    if any(float(hit.get("_score") or 0.0) < 0 for hit in found["hits"]):
        raise PipelineMissing("The domain answered a hybrid query with raw scores.")
    return {
        "mode": search.mode,
        "weights": search.weights if search.mode == HYBRID else None,
        "total": found["total"]["value"],
        "from": search.start,
        "size": search.size,
        "partial": bool(answer.get("timed_out") or (answer.get("_shards") or {}).get("failed")),
        "hits": [
            {
                "id": hit["_id"],
                "score": round(float(hit["_score"]), 6),
                "text": str(hit["_source"].get(conf.text_field) or ""),
                "fields": hit["_source"],
                "highlight": segments((hit.get("highlight") or {}).get(conf.text_field) or []),
            }
            for hit in found["hits"]
        ],
    }


def segments(fragments: list[str]) -> list[dict[str, Any]]:
    """Return a highlighted text as parts: {"text", "match"}."""
    parts = re.split(f"{BEFORE}([^{AFTER}]*){AFTER}", "".join(fragments))
    return [{"text": part, "match": position % 2 == 1} for position, part in enumerate(parts) if part]
