-- Executions by the day of their result, and the change since the day before. success_rate is null on a day on which no
-- execution succeeded or failed; superseded, stopped, canceled and running ones are in no rate.
WITH days AS (
  SELECT
    account, region, pipeline, day,
    count(*) AS executions,
    count(CASE WHEN result = 'succeeded' THEN 1 END) AS succeeded,
    count(CASE WHEN result = 'failed' THEN 1 END) AS failed
  FROM executions
  GROUP BY account, region, pipeline, day
)
SELECT
  d.account, d.region, d.pipeline, d.day, d.executions, d.succeeded, d.failed,
  d.executions - d.succeeded - d.failed AS without_result,
  CAST(d.succeeded AS double) / nullif(d.succeeded + d.failed, 0) AS success_rate,
  d.succeeded - coalesce(b.succeeded, 0) AS succeeded_change,
  d.failed - coalesce(b.failed, 0) AS failed_change
FROM days d
LEFT JOIN days b
  ON b.account = d.account AND b.region = d.region AND b.pipeline = d.pipeline
  AND b.day = CAST(d.day - INTERVAL '1' DAY AS date)
