-- One row for each execution whose production stage succeeded or failed. Rollbacks are no deployments: they are a signal
-- that the deployment before them failed. Several signals on one deployment count once, on the deployment's day.
WITH ranked AS (
  SELECT
    account, region, pipeline, execution, stage, state, time,
    ${production_rank} AS preference,
    row_number() OVER (
      PARTITION BY account, region, pipeline, execution, stage
      ORDER BY
        time DESC,
        CASE state WHEN 'STARTED' THEN 0 WHEN 'RESUMED' THEN 1 WHEN 'STOPPING' THEN 2 ELSE 3 END DESC,
        coalesce(attempt, 0) DESC,
        state
    ) AS place
  FROM events
  WHERE level = 'stage'
),
chosen AS (
  SELECT *, min(preference) OVER (PARTITION BY account, region, pipeline) AS best FROM ranked
),
runs AS (
  SELECT
    account, region, pipeline, execution, stage,
    min(time) AS began,
    min(CASE WHEN state = 'SUCCEEDED' THEN time END) AS succeeded,
    min(CASE WHEN state = 'FAILED' THEN time END) AS failed,
    max(CASE WHEN place = 1 THEN state END) AS state
  FROM chosen
  WHERE preference = best
  GROUP BY account, region, pipeline, execution, stage
),
rejected AS (
  -- Stages that failed by nothing but a rejected approval: nothing was deployed.
  SELECT account, region, pipeline, execution, stage
  FROM events
  WHERE level = 'action' AND state = 'FAILED'
  GROUP BY account, region, pipeline, execution, stage
  HAVING count(CASE WHEN category = 'Approval' THEN 1 END) = count(*)
),
begun AS (
  SELECT
    account, region, pipeline, execution,
    min(CASE WHEN level = 'pipeline' THEN coalesce(started, time) END) AS execution_began,
    max(committed) AS committed,
    max(CASE WHEN execution_type = 'ROLLBACK' OR trigger_type IN ('ManualRollback', 'AutomatedRollback') THEN 1 ELSE 0 END) AS rolls_back
  FROM events
  WHERE level IN ('pipeline', 'revision')
  GROUP BY account, region, pipeline, execution
),
facts AS (
  SELECT
    r.account, r.region, r.pipeline, r.execution, r.stage, r.began, r.succeeded, r.state,
    CASE WHEN x.execution IS NULL THEN r.failed END AS broke,
    coalesce(b.rolls_back, 0) AS rolls_back,
    coalesce(b.execution_began, r.began) AS execution_began,
    CASE WHEN b.committed <= coalesce(b.execution_began, r.began) THEN b.committed END AS committed
  FROM runs r
  LEFT JOIN rejected x
    ON x.account = r.account AND x.region = r.region AND x.pipeline = r.pipeline
    AND x.execution = r.execution AND x.stage = r.stage
  LEFT JOIN begun b
    ON b.account = r.account AND b.region = r.region AND b.pipeline = r.pipeline AND b.execution = r.execution
),
landed AS (
  SELECT *, CASE WHEN succeeded IS NULL OR broke < succeeded THEN broke ELSE succeeded END AS landed_time
  FROM facts
  WHERE rolls_back = 0 AND state NOT IN ('STOPPED', 'CANCELED') AND coalesce(succeeded, broke) IS NOT NULL
),
deployed AS (
  SELECT *, lead(landed_time) OVER (PARTITION BY account, region, pipeline, stage ORDER BY landed_time, execution) AS next_time
  FROM landed
),
signals AS (
  SELECT account, region, pipeline, stage, began AS time, 'rollback' AS signal
  FROM facts
  WHERE rolls_back = 1 AND ${count_rollbacks}
  UNION ALL
  SELECT account, region, pipeline, '' AS stage, time, 'alarm' AS signal
  FROM events
  WHERE level = 'alarm' AND state = 'ALARM'
),
signalled AS (
  SELECT
    d.account, d.region, d.pipeline, d.execution, d.stage,
    min(CASE WHEN s.signal = 'rollback' THEN s.time END) AS rolled_back,
    min(CASE WHEN s.signal = 'alarm' THEN s.time END) AS alarmed
  FROM deployed d
  JOIN signals s
    ON s.pipeline = d.pipeline
    AND s.time >= d.landed_time
    AND (d.next_time IS NULL OR s.time < d.next_time)
    AND (
      (s.signal = 'rollback' AND s.account = d.account AND s.region = d.region AND s.stage = d.stage)
      OR (
        s.signal = 'alarm'
        AND date_diff('millisecond', from_iso8601_timestamp(d.landed_time), from_iso8601_timestamp(s.time)) <= ${incident_milliseconds}
      )
    )
  GROUP BY d.account, d.region, d.pipeline, d.execution, d.stage
),
reasons AS (
  SELECT account, region, pipeline, execution, stage, broke AS time, 'stage' AS signal
  FROM deployed
  WHERE broke IS NOT NULL AND ${count_stage_failures}
  UNION ALL
  SELECT account, region, pipeline, execution, stage, rolled_back, 'rollback' FROM signalled WHERE rolled_back IS NOT NULL
  UNION ALL
  SELECT account, region, pipeline, execution, stage, alarmed, 'alarm' FROM signalled WHERE alarmed IS NOT NULL
),
failures AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY account, region, pipeline, execution, stage ORDER BY time, signal) AS place
  FROM reasons
),
ends AS (
  -- What ends a failure: the alarm's end where an alarm was first, else the next success of the stage.
  SELECT account, region, pipeline, stage, succeeded AS time, 'stage' AS by_what FROM facts WHERE succeeded IS NOT NULL
  UNION ALL
  SELECT account, region, pipeline, '' AS stage, time, 'alarm' AS by_what FROM events WHERE level = 'alarm' AND state = 'OK'
),
restored AS (
  SELECT f.account, f.region, f.pipeline, f.execution, f.stage, min(e.time) AS time
  FROM failures f
  JOIN ends e
    ON e.pipeline = f.pipeline
    AND e.time > f.time
    AND (
      (f.signal = 'alarm' AND e.by_what = 'alarm')
      OR (f.signal <> 'alarm' AND e.by_what = 'stage' AND e.account = f.account AND e.region = f.region AND e.stage = f.stage)
    )
  WHERE f.place = 1
  GROUP BY f.account, f.region, f.pipeline, f.execution, f.stage
)
SELECT
  d.account, d.region, d.pipeline, d.stage, d.execution,
  CAST(from_iso8601_timestamp(d.landed_time) AT TIME ZONE '${time_zone}' AS timestamp) AS deployed_at,
  CAST(from_iso8601_timestamp(d.landed_time) AT TIME ZONE '${time_zone}' AS date) AS day,
  CASE WHEN d.succeeded IS NULL THEN 0 ELSE 1 END AS reached,
  CASE WHEN f.time IS NULL THEN 0 ELSE 1 END AS failed,
  f.signal AS failed_by,
  CAST(from_iso8601_timestamp(f.time) AT TIME ZONE '${time_zone}' AS timestamp) AS failed_at,
  CAST(from_iso8601_timestamp(r.time) AT TIME ZONE '${time_zone}' AS timestamp) AS restored_at,
  date_diff('millisecond', from_iso8601_timestamp(f.time), from_iso8601_timestamp(r.time)) / 1e3 AS restore_seconds,
  date_diff('millisecond', from_iso8601_timestamp(coalesce(d.committed, d.execution_began)), from_iso8601_timestamp(d.succeeded)) / 1e3 AS lead_seconds,
  CASE WHEN d.succeeded IS NULL THEN NULL WHEN d.committed IS NULL THEN 'start' ELSE 'commit' END AS lead_from
FROM deployed d
LEFT JOIN failures f
  ON f.account = d.account AND f.region = d.region AND f.pipeline = d.pipeline
  AND f.execution = d.execution AND f.stage = d.stage AND f.place = 1
LEFT JOIN restored r
  ON r.account = d.account AND r.region = d.region AND r.pipeline = d.pipeline
  AND r.execution = d.execution AND r.stage = d.stage
