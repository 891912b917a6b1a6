-- One row for each execution, with its latest state. Stages and actions are not looked at.
WITH ranked AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY account, region, pipeline, execution
      ORDER BY
        time DESC,
        CASE state WHEN 'STARTED' THEN 0 WHEN 'RESUMED' THEN 1 WHEN 'STOPPING' THEN 2 ELSE 3 END DESC,
        coalesce(attempt, 0) DESC,
        state
    ) AS place
  FROM events
  WHERE level = 'pipeline'
),
whole AS (
  SELECT
    account, region, pipeline, execution,
    min(coalesce(started, time)) AS began,
    max(CASE WHEN place = 1 THEN state END) AS state,
    max(CASE WHEN place = 1 THEN time END) AS changed,
    max(attempt) AS attempts,
    max(trigger_type) AS trigger_type,
    max(CASE WHEN execution_type = 'ROLLBACK' OR trigger_type IN ('ManualRollback', 'AutomatedRollback') THEN 1 ELSE 0 END) AS rolls_back
  FROM ranked
  GROUP BY account, region, pipeline, execution
)
SELECT
  account, region, pipeline, execution,
  CASE
    WHEN state = 'SUCCEEDED' THEN 'succeeded'
    WHEN state = 'FAILED' THEN 'failed'
    WHEN state = 'SUPERSEDED' THEN 'superseded'
    WHEN state = 'STOPPED' THEN 'stopped'
    WHEN state = 'CANCELED' THEN 'canceled'
    WHEN state IN ('STARTED', 'RESUMED', 'STOPPING') THEN 'running'
    ELSE 'other'
  END AS result,
  CAST(from_iso8601_timestamp(began) AT TIME ZONE '${time_zone}' AS timestamp) AS started_at,
  CASE
    WHEN state NOT IN ('STARTED', 'RESUMED', 'STOPPING')
    THEN CAST(from_iso8601_timestamp(changed) AT TIME ZONE '${time_zone}' AS timestamp)
  END AS ended_at,
  CAST(from_iso8601_timestamp(changed) AT TIME ZONE '${time_zone}' AS date) AS day,
  CASE
    WHEN state NOT IN ('STARTED', 'RESUMED', 'STOPPING')
    THEN date_diff('millisecond', from_iso8601_timestamp(began), from_iso8601_timestamp(changed)) / 1e3
  END AS seconds,
  attempts,
  trigger_type,
  CASE WHEN rolls_back = 1 THEN 'rollback' ELSE 'standard' END AS kind
FROM whole
