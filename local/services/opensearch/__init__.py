"""The data plane of an OpenSearch Service domain: what its REST API answers for hybrid search, and no more.

Texts are scored by BM25 as Lucene computes it (bm25s), vectors exactly (numpy). Scores are normalised and combined as
OpenSearch's normalization processor does. A request outside of what is implemented is refused, never ignored. The
control plane (CreateDomain, …) is the engine's. A document can be found as soon as it is indexed: no refresh interval.
"""
