"""What the bootstrap makes in the domain: connector, model, pipelines, index and roles, as OpenSearch's API takes them.

Connector and model are named after a hash of what they are: a changed setting makes new ones, an unchanged one finds
those that exist. Blueprints:
https://github.com/opensearch-project/ml-commons/tree/main/docs/remote_inference_blueprints
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EMBEDDING = "_embedding"
PREDICT = "cluster:admin/opensearch/ml/predict"
# A neural query reads the model's settings before it calls it.
READ_MODEL = "cluster:admin/opensearch/ml/models/get"


@dataclass(frozen=True)
class Settings:
    """The environment of the bootstrap."""

    domain_name: str
    index: str
    text_field: str
    filter_fields: dict[str, str]
    """OpenSearch's type of each field that searches can filter by."""
    service: str
    """bedrock or sagemaker."""
    model: str
    """Bedrock's model ID, or the name of the SageMaker endpoint."""
    dimensions: int
    connector_role_arn: str
    region: str
    shards: int
    replicas: int
    refresh_seconds: int
    query_role_arn: str
    load_role_arn: str
    weights: list[float] = field(default_factory=lambda: [0.5, 0.5])

    @property
    def embedding_field(self) -> str:
        """Return the field of the vectors."""
        return self.text_field + EMBEDDING


def connector(conf: Settings) -> dict[str, Any]:
    """Return the connector to the embedding model."""
    made = _bedrock(conf) if conf.service == "bedrock" else _sagemaker(conf)
    body = {
        "description": "Embeddings of texts and queries",
        "version": 1,
        "protocol": "aws_sigv4",
        "credential": {"roleArn": conf.connector_role_arn},
        **made,
    }
    return {"name": f"{conf.index}-{digest(body)}", **body}


def _bedrock(conf: Settings) -> dict[str, Any]:
    return {
        "parameters": {
            "region": conf.region,
            "service_name": "bedrock",
            "model": conf.model,
            "dimensions": conf.dimensions,
            "normalize": True,
        },
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": "https://bedrock-runtime.${parameters.region}.amazonaws.com/model/${parameters.model}/invoke",
                "headers": {"content-type": "application/json", "x-amz-content-sha256": "required"},
                "request_body": '{"inputText": "${parameters.inputText}", "dimensions": ${parameters.dimensions}, '
                '"normalize": ${parameters.normalize}}',
                "pre_process_function": "connector.pre_process.bedrock.embedding",
                "post_process_function": "connector.post_process.bedrock.embedding",
            }
        ],
    }


def _sagemaker(conf: Settings) -> dict[str, Any]:
    return {
        "parameters": {"region": conf.region, "service_name": "sagemaker", "endpoint": conf.model},
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": "https://runtime.sagemaker.${parameters.region}.amazonaws.com/endpoints/${parameters.endpoint}"
                "/invocations",
                "headers": {"content-type": "application/json"},
                "request_body": "${parameters.input}",
                "pre_process_function": "connector.pre_process.default.embedding",
                "post_process_function": "connector.post_process.default.embedding",
            }
        ],
    }


def probe(conf: Settings) -> dict[str, Any]:
    """Return the parameters of a call of the model with one text."""
    return {"inputText": "probe"} if conf.service == "bedrock" else {"input": ["probe"]}


def ingest_pipeline(conf: Settings, model_id: str) -> dict[str, Any]:
    """Return the pipeline that embeds a document's text."""
    fields = {conf.text_field: conf.embedding_field}
    return {"processors": [{"text_embedding": {"model_id": model_id, "field_map": fields}}]}


def search_pipeline(weights: list[float]) -> dict[str, Any]:
    """Return the index's default: for hybrid searches of others, whose raw result would have marker entries."""
    return normalization("min_max", "arithmetic_mean", weights)


def normalization(technique: str, combination: str, weights: list[float]) -> dict[str, Any]:
    """Return a search pipeline that normalises and combines the scores of two sub-queries."""
    return {
        "phase_results_processors": [
            {
                "normalization-processor": {
                    "normalization": {"technique": technique},
                    "combination": {"technique": combination, "parameters": {"weights": weights}},
                }
            }
        ]
    }


def mappings(conf: Settings) -> dict[str, Any]:
    """Return the mapping: English text, its vector, and the fields of filters. Others are stored, not indexed."""
    method = {
        "name": "hnsw",
        "engine": "faiss",
        "space_type": "l2",
        "parameters": {"ef_construction": 128, "m": 16},
    }
    return {
        "dynamic": "false",
        "properties": {
            conf.text_field: {"type": "text", "analyzer": "english"},
            conf.embedding_field: {"type": "knn_vector", "dimension": conf.dimensions, "method": method},
            **{name: {"type": kind} for name, kind in sorted(conf.filter_fields.items())},
        },
    }


def index_settings(conf: Settings) -> dict[str, Any]:
    """Return the settings that an index can change while it is in use."""
    return {
        "number_of_replicas": conf.replicas,
        "refresh_interval": f"{conf.refresh_seconds}s",
        "default_pipeline": conf.index,
        "search.default_pipeline": conf.index,
    }


def index(conf: Settings) -> dict[str, Any]:
    """Return the body that creates the index."""
    fixed = {"knn": True, "number_of_shards": conf.shards}
    return {"settings": {"index": {**fixed, **index_settings(conf)}}, "mappings": mappings(conf)}


def roles(conf: Settings) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the domain's roles: what each may do, and the IAM role that has it."""
    search = {
        "cluster_permissions": [PREDICT, READ_MODEL],
        "index_permissions": [{"index_patterns": [conf.index], "allowed_actions": ["indices:data/read/search"]}],
    }
    writes = ["indices:data/write/bulk*", "indices:data/write/index"]
    load = {
        "cluster_permissions": [PREDICT, READ_MODEL, "indices:data/write/bulk"],
        "index_permissions": [{"index_patterns": [conf.index], "allowed_actions": writes}],
    }
    return {
        f"{conf.index}-query": (search, conf.query_role_arn),
        f"{conf.index}-load": (load, conf.load_role_arn),
    }


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the fields whose mapping OpenSearch would have to change. It can have more settings than these."""
    have = found.get("properties") or {}
    return sorted(
        name for name, mapped in wanted["properties"].items() if name in have and not _within(mapped, have[name])
    )


def _within(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(name in found and _within(value, found[name]) for name, value in wanted.items())
    return str(wanted) == str(found)


def digest(value: Any) -> str:
    """Return a short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
