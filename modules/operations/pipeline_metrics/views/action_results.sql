-- Results of each action by day. An action that is new in a pipeline appears by itself.
SELECT
  account, region, pipeline, stage, action, max(category) AS category, day,
  count(CASE WHEN result = 'succeeded' THEN 1 END) AS succeeded,
  count(CASE WHEN result = 'failed' THEN 1 END) AS failed,
  count(CASE WHEN result NOT IN ('succeeded', 'failed') THEN 1 END) AS without_result,
  avg(seconds) AS average_seconds
FROM actions
GROUP BY account, region, pipeline, stage, action, day
