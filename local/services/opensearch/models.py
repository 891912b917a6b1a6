"""Connectors and the remote models behind them, as ML Commons has them.

https://docs.opensearch.org/docs/latest/ml-commons-plugin/remote-models/blueprints/
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from . import neighbours
from .errors import Refused, invalid, unparsable

Json = dict[str, Any]
# plugins.ml_commons.trusted_connector_endpoints_regex: AWS's, of its default value.
_TRUSTED = re.compile(r"https://(runtime\.sagemaker|bedrock-runtime)\.[a-z0-9-]+\.amazonaws\.com/.+")
_PARAMETER = re.compile(r"\$\{parameters\.([A-Za-z0-9_.-]+)\}")
_PRE: dict[str, Callable[[list[str]], Json]] = {
    "connector.pre_process.bedrock.embedding": lambda texts: {"inputText": texts[0]},
    "connector.pre_process.default.embedding": lambda texts: {"input": texts},
}
_POST: dict[str, Callable[[Any], list[list[float]]]] = {
    "connector.post_process.bedrock.embedding": lambda answer: [answer["embedding"]],
    "connector.post_process.default.embedding": lambda answer: answer,
}


class Models:
    """The connectors and models of one domain."""

    def __init__(self, domain_arn: str) -> None:
        self.domain_arn = domain_arn
        self.connectors: dict[str, Json] = {}
        self.models: dict[str, Json] = {}

    def create_connector(self, body: Json) -> Json:
        """Create a connector. Raise Refused."""
        missing = [
            name for name in ("name", "version", "protocol", "credential", "parameters", "actions") if name not in body
        ]
        if missing:
            raise invalid(f"Connector {missing[0]} can't be null")
        if body["protocol"] != "aws_sigv4":
            raise unparsable("The local cloud implements connectors of the protocol aws_sigv4.")
        action = body["actions"][0]
        if not _TRUSTED.fullmatch(_filled(action["url"], body["parameters"])):
            raise invalid("Connector URL is not matching the trusted connector endpoint regex")
        known = action.get("pre_process_function") in _PRE and action.get("post_process_function") in _POST
        if not known:
            raise unparsable("The local cloud implements the built-in functions for embeddings.")
        return {"connector_id": _add(self.connectors, body)}

    def register(self, body: Json) -> Json:
        """Register a remote model. Raise Refused."""
        if body.get("function_name") != "remote":
            raise unparsable("The local cloud implements remote models.")
        if body.get("connector_id") not in self.connectors:
            raise Refused(404, "status_exception", f"Failed to find connector with the id {body.get('connector_id')}")
        key = _add(self.models, {**body, "algorithm": "REMOTE", "model_state": "REGISTERED"})
        return {"task_id": _id(), "status": "CREATED", "model_id": key}

    def deploy(self, key: str) -> Json:
        """Deploy a model."""
        self.model(key)["model_state"] = "DEPLOYED"
        return {"task_id": _id(), "task_type": "DEPLOY_MODEL", "status": "COMPLETED"}

    def model(self, key: str) -> Json:
        """Return a model. Raise Refused if there is none."""
        if key not in self.models:
            raise Refused(404, "status_exception", f"Failed to find model with the provided model id: {key}")
        return self.models[key]

    def predict(self, key: str, parameters: Json) -> Json:
        """Answer a call of a model with its connector's own parameters."""
        vectors = self._infer(key, parameters)
        output = [
            {"name": "sentence_embedding", "data_type": "FLOAT32", "shape": [len(vector)], "data": vector}
            for vector in vectors
        ]
        return {"inference_results": [{"output": output, "status_code": 200}]}

    def embed(self, key: str, text: str) -> list[float]:
        """Return the embedding of a text, through the connector's pre-processing function."""
        action = self._connector(key)["actions"][0]
        return self._infer(key, _PRE[action["pre_process_function"]]([text]))[0]

    def _connector(self, key: str) -> Json:
        return self.connectors[self.model(key)["connector_id"]]

    def _infer(self, key: str, given: Json) -> list[list[float]]:
        if self.model(key)["model_state"] != "DEPLOYED":
            raise invalid(f"Model not ready yet. Please deploy the model first: {key}")
        connector = self._connector(key)
        action, parameters = connector["actions"][0], {**connector["parameters"], **given}
        url, body = _filled(action["url"], parameters), _filled(action["request_body"], parameters, escaped=True)
        try:
            json.loads(body)
        except ValueError:
            raise invalid("Invalid payload: " + body[:200]) from None
        role = connector["credential"]["roleArn"]
        try:
            answer = neighbours.current.invoke(self.domain_arn, role, url, body)
        except neighbours.ModelRefused as error:
            raise Refused(400, "status_exception", f"Error from remote service: {error}") from None
        return _POST[action["post_process_function"]](answer)


def search(items: dict[str, Json], body: Json) -> Json:
    """Answer a search for a name: `{"query": {"term": {"name.keyword": …}}}`."""
    term = (body.get("query") or {}).get("term") or {}
    if set(term) != {"name.keyword"}:
        raise unparsable("The local cloud finds connectors and models by a term of name.keyword.")
    wanted = term["name.keyword"]
    name = wanted["value"] if isinstance(wanted, dict) else wanted
    hits = [{"_id": key, "_source": item} for key, item in items.items() if item["name"] == name]
    return {"hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits}}


def _filled(template: str, parameters: Json, escaped: bool = False) -> str:
    """Return the template with its parameters: text as it is (in JSON if `escaped`), other values as JSON."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in parameters:
            raise invalid(f"Some parameter placeholder not filled in payload: {match[1]}")
        found = parameters[match[1]]
        if isinstance(found, str):
            return json.dumps(found)[1:-1] if escaped else found
        return json.dumps(found)

    return _PARAMETER.sub(value, template)


def _id() -> str:
    return uuid.uuid4().hex[:20]


def _add(items: dict[str, Json], item: Json) -> str:
    key = _id()
    items[key] = item
    return key
