-- The four figures by month. A month without a deployment has no rates: they are null, not 0.
WITH named AS (
  SELECT account, region, pipeline, CAST(date_trunc('month', day) AS date) AS month, reached, failed, lead_seconds, restore_seconds
  FROM deployments
),
months AS (
  SELECT account, region, pipeline, CAST(date_trunc('month', day) AS date) AS month FROM executions
  UNION
  SELECT account, region, pipeline, month FROM named
),
counted AS (
  SELECT
    account, region, pipeline, month,
    count(*) AS deployments,
    count(CASE WHEN reached = 1 THEN 1 END) AS reached,
    count(CASE WHEN failed = 1 THEN 1 END) AS failed
  FROM named
  GROUP BY account, region, pipeline, month
),
leads AS (
  SELECT
    account, region, pipeline, month, lead_seconds,
    row_number() OVER (PARTITION BY account, region, pipeline, month ORDER BY lead_seconds) AS place,
    count(*) OVER (PARTITION BY account, region, pipeline, month) AS size
  FROM named
  WHERE lead_seconds IS NOT NULL
),
median_leads AS (
  SELECT account, region, pipeline, month, avg(lead_seconds) AS seconds
  FROM leads
  WHERE 2 * place BETWEEN size AND size + 2
  GROUP BY account, region, pipeline, month
),
restores AS (
  SELECT
    account, region, pipeline, month, restore_seconds,
    row_number() OVER (PARTITION BY account, region, pipeline, month ORDER BY restore_seconds) AS place,
    count(*) OVER (PARTITION BY account, region, pipeline, month) AS size
  FROM named
  WHERE restore_seconds IS NOT NULL
),
median_restores AS (
  SELECT account, region, pipeline, month, avg(restore_seconds) AS seconds
  FROM restores
  WHERE 2 * place BETWEEN size AND size + 2
  GROUP BY account, region, pipeline, month
)
SELECT
  m.account, m.region, m.pipeline, m.month,
  coalesce(c.deployments, 0) AS deployments,
  coalesce(c.failed, 0) AS failed_deployments,
  CAST(coalesce(c.reached, 0) AS double) / CASE
    WHEN current_date < CAST(m.month + INTERVAL '1' MONTH AS date) AND current_date >= m.month
    THEN date_diff('day', m.month, current_date) + 1
    ELSE date_diff('day', m.month, CAST(m.month + INTERVAL '1' MONTH AS date))
  END AS deployments_per_day,
  CAST(c.failed AS double) / nullif(c.deployments, 0) AS change_failure_rate,
  l.seconds AS median_lead_seconds,
  r.seconds AS median_restore_seconds
FROM months m
LEFT JOIN counted c
  ON c.account = m.account AND c.region = m.region AND c.pipeline = m.pipeline AND c.month = m.month
LEFT JOIN median_leads l
  ON l.account = m.account AND l.region = m.region AND l.pipeline = m.pipeline AND l.month = m.month
LEFT JOIN median_restores r
  ON r.account = m.account AND r.region = m.region AND r.pipeline = m.pipeline AND r.month = m.month
