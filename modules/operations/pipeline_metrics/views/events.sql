-- Each change of state once. The history is taken only where no event says the same: it is read after the events, and
-- does not say the number of an attempt.
SELECT
  account, region, pipeline, execution, level, stage, action, action_execution, attempt, state, time, started,
  source, category, provider, error_code, trigger_type, execution_type, revision, committed
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY
        account, region, pipeline, execution, level, coalesce(stage, ''), coalesce(action, ''),
        coalesce(action_execution, ''), state, coalesce(attempt, -1), source,
        CASE WHEN level = 'alarm' THEN time ELSE '' END
      ORDER BY CASE WHEN source = 'event' THEN time END, time DESC, coalesce(event_id, '')
    ) AS copy,
    max(CASE WHEN source = 'event' THEN 1 ELSE 0 END) OVER (
      PARTITION BY
        account, region, pipeline, execution, level, coalesce(stage, ''), coalesce(action, ''),
        coalesce(action_execution, ''), state
    ) AS told_by_event
  FROM records
  WHERE pipeline IS NOT NULL AND state IS NOT NULL AND time IS NOT NULL
)
WHERE copy = 1 AND (source = 'event' OR told_by_event = 0)
