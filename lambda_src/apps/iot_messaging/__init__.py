"""Events kept in S3: `keep` is the function, `record` defines what is kept of an event and where."""
