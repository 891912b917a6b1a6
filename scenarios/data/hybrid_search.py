"""A catalogue is loaded and searched by words, by meaning and by both: filters, pages, hostile input, faults."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.harness.scenario import Report, Stack, wait_until

CATALOGUE = Path(__file__).with_suffix(".jsonl")
NAME = "switchyard-hybrid-search-"
RATE = 1000  # the scenario sends more at once than visitors do

variables: dict[str, Any] = {
    "hybrid_search": {
        "data_nodes": {"count": 1, "zones": 1},
        "embedding": {"dimensions": 256},
        "filter_fields": {"brand": "keyword", "category": "keyword", "price": "float"},
        "public": True,
        "throttle": {"rate_limit": RATE, "burst_limit": RATE},
        "force_destroy": True,
        # The provider looks for the first time after ten minutes, or when this time is over: here all is done at once.
        "wait": {"create": "1s", "delete": "30s"},
    }
}

# What the embedding step refuses, and what is no document: their own category keeps them out of the other searches.
ODD: list[tuple[Any, str]] = [
    ({"id": "odd-1", "category": "odd", "caption": "red boots"}, "indexed"),
    ({"id": "odd-2", "category": "odd", "caption": " "}, "indexed"),
    ({"id": "odd-3", "category": "odd", "image_s3_url": "s3://b/k"}, "indexed"),
    ({"id": "odd-4", "category": "odd", "caption": 'plain <b>markup</b> & "quotes"'}, "indexed"),
    ({"id": "odd-5", "category": "odd", "caption": ["a", "list"]}, "failed"),
    ({"id": "odd-6", "category": "odd", "caption": "a price", "price": "cheap"}, "failed"),
    ({"id": True, "category": "odd", "caption": "no id"}, "failed"),
    ("not an object", "failed"),
]
FILTER = {
    "category": ["shoes", "furniture", "lighting", "kitchen", "phones", "clothing", "bags", "toys", "pets", "care"]
}
HOSTILE: dict[str, tuple[Any, int]] = {
    "no JSON": (b"{", 400),
    "a list": ([], 400),
    "no query": ({}, 400),
    "an empty query": ({"query": ""}, 400),
    "blanks only": ({"query": " \t\n"}, 400),
    "a number": ({"query": 5}, 400),
    "half a character": (b'{"query": "\\ud83d"}', 400),
    "600 characters": ({"query": "x" * 600}, 400),
    "a query of OpenSearch": ({"query": {"match_all": {}}}, 400),
    "an unknown field": ({"query": "boots", "search_pipeline": "mine"}, 400),
    "an unknown mode": ({"query": "boots", "mode": "sql"}, 400),
    "a weight above 1": ({"query": "boots", "weight": 1.1}, 400),
    "a negative weight": ({"query": "boots", "weight": -0.1}, 400),
    "a weight that is no number": (b'{"query": "boots", "weight": NaN}', 400),
    "an unknown normalization": ({"query": "boots", "normalization": "z_score"}, 400),
    "an unknown combination": ({"query": "boots", "combination": "rrf"}, 400),
    "an unknown filter": ({"query": "boots", "filters": {"_index": "x"}}, 400),
    "a filter of the wrong type": ({"query": "boots", "filters": {"price": "cheap"}}, 400),
    "an injected range": ({"query": "boots", "filters": {"price": {"script": "1"}}}, 400),
    "no page": ({"query": "boots", "size": 0}, 400),
    "a page that is too large": ({"query": "boots", "size": 51}, 400),
    "beyond the end": ({"query": "boots", "from": 95, "size": 10}, 400),
}


def base_url(stack: Stack) -> str:
    """Return the URL at which the local cloud serves the API. On AWS, it is the output `url`."""
    api = stack.outputs["url"].split("//")[1].split(".")[0]
    stage = stack.outputs["url"].rstrip("/").rsplit("/", 1)[-1]
    return f"{stack.cloud.endpoint}/restapis/{api}/{stage}/_user_request_"


def ask(stack: Stack, body: Any) -> tuple[int, dict[str, Any]]:
    """Send a search, as JSON unless it is bytes. Return the status and the body of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base_url(stack)}/search", data=data, method="POST", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def search(stack: Stack, query: str, **more: Any) -> dict[str, Any]:
    """Return the answer to a search that succeeds, of the catalogue alone."""
    status, answer = ask(stack, {"query": query, "filters": FILTER, **more})
    assert status == 200, (status, answer)
    return answer


def found(stack: Stack, query: str, **more: Any) -> list[str]:
    """Return the ids that a search finds."""
    return [hit["id"] for hit in search(stack, query, **more)["hits"]]


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][function], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def put(stack: Stack, name: str, content: bytes) -> str:
    """Put an object with documents into the bucket. Return its key."""
    key = f"documents/{stack.token}/{name}"
    stack.client("s3").put_object(Bucket=stack.outputs["bucket_name"], Key=key, Body=content)
    return key


def reported(stack: Stack, key: str) -> dict[str, Any]:
    """Wait for the report of an object."""
    s3, bucket = stack.client("s3"), stack.outputs["bucket_name"]
    name = f"reports/{key.removeprefix('documents/')}.json"

    def probe() -> dict[str, Any]:
        if not s3.list_objects_v2(Bucket=bucket, Prefix=name).get("Contents"):
            return {}
        report: dict[str, Any] = json.load(s3.get_object(Bucket=bucket, Key=name)["Body"])
        return report if report["complete"] else {}

    return wait_until(f"the report of {key}", probe)


def run(stack: Stack, report: Report) -> None:
    """Load while calls fail, then check modes, weights, filters, pages and refusals."""
    report.sent = (
        f"a catalogue of 61 products, {len(ODD)} odd lines;\n"
        f"searches of each kind, {len(HOSTILE)} hostile ones;\n20 % of all calls fail"
    )
    loading(stack, report)
    modes(stack, report)
    filters_and_pages(stack, report)
    refusals(stack, report)
    faults(stack, report)


def loading(stack: Stack, report: Report) -> None:
    """Bootstrap again, and load the catalogue and odd lines while calls of the domain fail."""
    again = invoke(stack, "bootstrap", {})
    report.check(
        "the bootstrap finds all that it made",
        (again.get("created"), again.get("model_id")),
        ([], stack.outputs["model_id"]),
    )
    lines = b"".join(json.dumps(line).encode() + b"\n" for line, _ in ODD)
    faults = [
        {"kind": "throttle", "service": "es", "count": 2, "principal": f"{NAME}load"},
        {"kind": "error", "status": 500, "service": "es", "count": 1, "principal": f"{NAME}load"},
    ]
    with stack.faults(*faults):
        catalogue = reported(stack, put(stack, "catalogue.jsonl", CATALOGUE.read_bytes()))
    report.check(
        "the last batch is sent, also after failed calls", (catalogue["indexed"], catalogue["failed"]), (61, 0)
    )
    odd = reported(stack, put(stack, "odd.jsonl", lines))
    outcomes = (odd["lines"], odd["indexed"], odd["without_text"], odd["failed"])
    expected = [outcome for _, outcome in ODD]
    report.check("odd lines are counted", outcomes, (8, expected.count("indexed"), 2, expected.count("failed")))
    report.check(
        "and named with a reason", sorted(one["line"] for one in odd["failures"] if one["reason"]), [5, 6, 7, 8]
    )


def modes(stack: Stack, report: Report) -> None:
    """Check the specification's acceptance: words find words, vectors meaning, and both together both."""
    lexical = search(stack, "women shoes", mode="lexical", size=5)
    report.check("words find words", all(any(p["match"] for p in hit["highlight"]) for hit in lexical["hits"]))
    report.check("but not what means the same", found(stack, "couch", mode="lexical"), ["sofa-02"])
    vector = found(stack, "couch", mode="vector", size=3)
    report.check("vectors find what means the same", {"sofa-01", "sofa-02"} <= set(vector))
    both = search(stack, "women shoes", weight=0.5, size=5)
    report.check("both: the two boat shoes come first", [h["id"] for h in both["hits"][:2]], ["shoe-01", "shoe-02"])
    report.check("with scores of the service's scale", all(0 <= hit["score"] <= 1 for hit in both["hits"]))
    report.check("the weights' sum is 1", both["weights"], [0.5, 0.5])
    pure = {mode: found(stack, "women's boots", mode=mode, size=5) for mode in ("lexical", "vector")}
    ends = [found(stack, "women's boots", weight=weight, size=5) for weight in (0, 1)]
    report.check("the weights 0 and 1 are the pure modes", ends, [pure["lexical"], pure["vector"]])
    wanted = [{"weight": w / 10, "normalization": n} for w in (1, 5, 9) for n in ("min_max", "l2")]
    alone = [search(stack, "warm boots", **one)["hits"] for one in wanted]
    with ThreadPoolExecutor(6) as pool:
        at_once = list(pool.map(lambda one: search(stack, "warm boots", **one)["hits"], wanted))
    report.check(
        "searches with different settings do not disturb each other", at_once == alone and alone[0] != alone[-1]
    )


def filters_and_pages(stack: Stack, report: Report) -> None:
    """Filter in each mode, and walk through pages."""
    for mode in ("lexical", "vector", "hybrid"):
        narrow = {"brand": "Harrow", "price": {"lte": 100}}
        hits = search(stack, "women's shoes and boots", mode=mode, filters=narrow)["hits"]
        fits = all(h["fields"]["brand"] == "Harrow" and h["fields"]["price"] <= 100 for h in hits)
        report.check(
            f"{mode}: filters apply", (fits, "shoe-05" in [h["id"] for h in hits] or mode == "lexical"), (True, True)
        )
    whole = found(stack, "leather", size=15)
    pages = [found(stack, "leather", **{"from": start, "size": 5}) for start in (0, 5, 10)]
    report.check("pages join to the whole", [one for page in pages for one in page], whole)
    odd = [hit["text"] for hit in search(stack, "markup", mode="lexical", filters={"category": "odd"})["hits"]]
    report.check("markup of a document stays text", odd, ['plain <b>markup</b> & "quotes"'])
    fields = search(stack, "leather")["hits"][0]["fields"]
    report.check("the vector is not sent", sorted(fields), ["brand", "caption", "category", "image_s3_url", "price"])


def refusals(stack: Stack, report: Report) -> None:
    """Check that hostile input is refused, and that the domain answers no one who does not sign."""
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(HOSTILE, pool.map(lambda case: ask(stack, case[0])[0], HOSTILE.values()), strict=True))
    report.check("hostile input is refused", answers, {name: status for name, (_, status) in HOSTILE.items()})
    request = urllib.request.Request(f"{stack.cloud.endpoint}/{stack.outputs['index']}/_search", method="POST")
    request.add_header("Host", stack.outputs["endpoint"])
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    report.check("the domain refuses who does not sign", status, 403)


def faults(stack: Stack, report: Report) -> None:
    """Search while one call in five fails: an answer is right, or says to try again."""
    expected = found(stack, "rainwear for kids")
    rules = [
        {"kind": "throttle", "rate": 0.1, "principal": f"{NAME}query"},
        {"kind": "error", "status": 500, "rate": 0.1, "principal": f"{NAME}query"},
    ]
    body = {"query": "rainwear for kids", "filters": FILTER}
    with stack.faults(*rules, seed=4):
        answers = [ask(stack, body) for _ in range(20)]
    right = [[hit["id"] for hit in answer["hits"]] for status, answer in answers if status == 200]
    report.check("faults: what is answered is right", all(ids == expected for ids in right) and len(right) >= 15)
    report.check("faults: the rest says to try again", {status for status, _ in answers} <= {200, 503})
