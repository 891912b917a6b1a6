"""An extension for AWS Lambda that caches parameters, secrets and DynamoDB items for a function.

It runs in a process of its own, with the standard library alone: the libraries for AWS take several times the CPU time
of a start, and 25 MB of the function's memory (`make bench BENCH_ARGS=config_cache`).
"""
