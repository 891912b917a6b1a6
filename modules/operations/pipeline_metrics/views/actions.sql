-- One row for each run of an action. A retry is another run. An approval is an action of the category Approval.
WITH ranked AS (
  SELECT
    *,
    coalesce(action_execution, CAST(coalesce(attempt, 0) AS varchar)) AS run,
    row_number() OVER (
      PARTITION BY
        account, region, pipeline, execution, stage, action,
        coalesce(action_execution, CAST(coalesce(attempt, 0) AS varchar))
      ORDER BY time DESC, CASE state WHEN 'STARTED' THEN 0 ELSE 1 END DESC, state
    ) AS place
  FROM events
  WHERE level = 'action'
),
whole AS (
  SELECT
    account, region, pipeline, execution, stage, action, run,
    min(coalesce(started, time)) AS began,
    max(CASE WHEN place = 1 THEN state END) AS state,
    max(CASE WHEN place = 1 THEN time END) AS changed,
    max(category) AS category,
    max(provider) AS provider,
    max(error_code) AS error_code
  FROM ranked
  GROUP BY account, region, pipeline, execution, stage, action, run
)
SELECT
  account, region, pipeline, execution, stage, action, run, category, provider,
  CASE
    WHEN state = 'SUCCEEDED' THEN 'succeeded'
    WHEN state = 'FAILED' THEN 'failed'
    WHEN state = 'ABANDONED' THEN 'abandoned'
    WHEN state = 'CANCELED' THEN 'canceled'
    WHEN state = 'STARTED' THEN 'running'
    ELSE 'other'
  END AS result,
  error_code,
  CAST(from_iso8601_timestamp(began) AT TIME ZONE '${time_zone}' AS timestamp) AS started_at,
  CASE WHEN state <> 'STARTED' THEN CAST(from_iso8601_timestamp(changed) AT TIME ZONE '${time_zone}' AS timestamp) END AS ended_at,
  CAST(from_iso8601_timestamp(changed) AT TIME ZONE '${time_zone}' AS date) AS day,
  CASE
    WHEN state <> 'STARTED'
    THEN date_diff('millisecond', from_iso8601_timestamp(began), from_iso8601_timestamp(changed)) / 1e3
  END AS seconds
FROM whole
