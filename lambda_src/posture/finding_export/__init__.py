"""Export Security Hub findings to S3 as gzip NDJSON: `export` walks all of them, `continuous` adds new ones."""
