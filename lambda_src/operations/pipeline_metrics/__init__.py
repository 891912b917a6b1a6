"""Metrics of CodePipeline: records of events and of the execution history in S3, which Athena's views count."""
