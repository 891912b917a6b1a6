variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`."
  type = object({
    name_prefix              = string
    partition                = string
    account_id               = string
    region                   = string
    kms_key_arn              = string
    alarm_topic_arn          = string
    access_log_bucket        = string
    package_bucket           = string
    log_retention_days       = number
    layer_arns               = list(string)
    permissions_boundary_arn = optional(string)
    build_dir                = string
    tags                     = map(string)
  })
  nullable = false
}

variable "services" {
  description = "Services to watch, by name. `tags` (all of them) and `resources` (ARNs) say which functions, APIs, tables, queues, state machines, topics and Application Load Balancers of this account and Region are a service's; a service with the name of a capability (`finding-export`) has the stack's resources of this capability too. `severity` (`critical` or `warning`) says where symptoms are notified. `heartbeats` has the minutes in which a function (its ARN or name) must be called. `metrics` are the service's own, such as those that it publishes with Powertools: `role` is `symptom` or `cause`; without `threshold`, the metric is compared with its anomaly detection band. `checks` changes checks of this service, as `checks` does for all."
  type = map(object({
    tags       = optional(map(string), {})
    resources  = optional(set(string), [])
    severity   = optional(string, "critical")
    heartbeats = optional(map(number), {})
    metrics = optional(map(object({
      namespace          = string
      metric             = string
      dimensions         = optional(map(string), {})
      statistic          = optional(string, "Sum")
      role               = optional(string, "symptom")
      threshold          = optional(number)
      comparison         = optional(string, "GreaterThanOrEqualToThreshold")
      period_seconds     = optional(number, 60)
      evaluation_periods = optional(number, 3)
      datapoints         = optional(number, 1)
      treat_missing_data = optional(string, "notBreaching")
    })), {})
    checks = optional(map(object({
      enabled            = optional(bool)
      role               = optional(string)
      threshold          = optional(number)
      minimum            = optional(number)
      period_seconds     = optional(number)
      evaluation_periods = optional(number)
      datapoints         = optional(number)
      treat_missing_data = optional(string)
    })), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.services) : can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", name))])
    error_message = "The names of services must have 2 to 40 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"orders\"."
  }
  validation {
    condition     = alltrue([for s in var.services : contains(["critical", "warning"], s.severity)])
    error_message = "severity must be critical or warning."
  }
  validation {
    condition = alltrue(flatten([for s in var.services : [
      for arn in s.resources : can(regex("^arn:[a-z-]+:(apigateway|dynamodb|elasticloadbalancing|lambda|sns|sqs|states):[a-z0-9-]+:[0-9]*:.+$", arn))
    ]]))
    error_message = "resources must be ARNs of functions, APIs, tables, queues, state machines, topics or load balancers, such as \"arn:aws:lambda:eu-central-1:111122223333:function:orders\"."
  }
  validation {
    condition = alltrue(flatten([for s in var.services : [
      for arn in s.resources : try(split(":", arn)[3] == var.context.region && contains(["", var.context.account_id], split(":", arn)[4]), true)
    ]]))
    error_message = "resources must be of the account ${var.context.account_id} and the Region ${var.context.region}: alarms of another account or Region have no data here."
  }
  validation {
    condition     = alltrue(flatten([for s in var.services : [for k, v in s.tags : length(k) > 0 && length(k) <= 128 && length(v) <= 256 && !startswith(k, "aws:")]]))
    error_message = "tags must have keys of 1 to 128 characters that do not begin with aws:, and values of at most 256."
  }
  validation {
    condition = alltrue(flatten([for s in var.services : [
      for minutes in s.heartbeats : minutes >= 1 && floor(minutes) == minutes && (minutes <= 1440 || (minutes % 60 == 0 && minutes <= 10080))
    ]]))
    error_message = "heartbeats must be whole minutes: up to 1440 (a day), or whole hours up to 10080 (a week)."
  }
  validation {
    condition = alltrue(flatten([for s in var.services : [for m in s.metrics : [
      contains(["symptom", "cause"], m.role),
      contains(["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold"], m.comparison),
      contains(["breaching", "ignore", "missing", "notBreaching"], m.treat_missing_data),
      contains([10, 20, 30], m.period_seconds) || m.period_seconds % 60 == 0 && m.period_seconds > 0,
      m.datapoints >= 1 && m.datapoints <= m.evaluation_periods,
      m.evaluation_periods * m.period_seconds <= (m.period_seconds >= 3600 ? 604800 : 86400),
      length(m.dimensions) <= 30,
    ]]]))
    error_message = "In metrics, role is symptom or cause; comparison is one of the four with a threshold (GreaterThanOrEqualToThreshold and so on); treat_missing_data is breaching, ignore, missing or notBreaching; period_seconds is 10, 20, 30 or a multiple of 60; datapoints is at most evaluation_periods, and all periods together at most a day (a week from an hour each)."
  }
  validation {
    condition     = alltrue(flatten([for s in var.services : [for name, m in s.metrics : can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", name)) && !startswith(m.namespace, ":") && length(m.namespace) > 0 && length(m.metric) > 0]]))
    error_message = "metrics must have names of 2 to 40 lowercase letters, digits and hyphens, a namespace that does not begin with a colon, and a metric."
  }
  validation {
    condition     = alltrue([for name in flatten([for s in var.services : keys(s.checks)]) : contains(["api-errors", "api-latency", "dead-letters", "function-duration", "function-errors", "function-heartbeat", "function-iterator-age", "function-throttles", "load-balancer-errors", "load-balancer-latency", "queue-age", "table-throttles", "topic-failures", "workflow-failures", "workflow-throttles"], name)])
    error_message = "checks of a service has the names of checks: api-errors, api-latency, dead-letters, function-duration, function-errors, function-heartbeat, function-iterator-age, function-throttles, load-balancer-errors, load-balancer-latency, queue-age, table-throttles, topic-failures, workflow-failures, workflow-throttles."
  }
  validation {
    condition = alltrue([for c in flatten([for s in var.services : values(s.checks)]) : alltrue([
      c.role == null || contains(["symptom", "cause"], coalesce(c.role, "symptom")),
      c.treat_missing_data == null || contains(["breaching", "ignore", "missing", "notBreaching"], coalesce(c.treat_missing_data, "missing")),
      c.period_seconds == null || contains([10, 20, 30], coalesce(c.period_seconds, 10)) || try(c.period_seconds % 60 == 0 && c.period_seconds > 0, false),
      c.minimum == null || try(c.minimum >= 1, false),
      c.evaluation_periods == null || try(c.evaluation_periods >= 1, false),
      c.datapoints == null || try(c.datapoints >= 1 && c.datapoints <= coalesce(c.evaluation_periods, c.datapoints), false),
    ])])
    error_message = "In checks of a service, role is symptom or cause; treat_missing_data is breaching, ignore, missing or notBreaching; period_seconds is 10, 20, 30 or a multiple of 60; minimum, evaluation_periods and datapoints are 1 or more, and datapoints at most evaluation_periods."
  }
}

variable "stack_services" {
  description = "Watch the stack's own resources: each capability that is on is a service, found by the tag `SwitchyardStack`, without further settings."
  type        = bool
  default     = true
  nullable    = false
}

variable "checks" {
  description = "Changes of checks for all services, by the name of the check (README, \"What is checked\"): `enabled`; `role` (`symptom` notifies the service's severity, `cause` is a warning); `threshold` (for a latency in milliseconds, or in seconds of a load balancer, in place of the anomaly detection band); `minimum` (calls that a rate divides by at least); `period_seconds`; `datapoints` of `evaluation_periods` that must breach; `treat_missing_data`."
  type = map(object({
    enabled            = optional(bool)
    role               = optional(string)
    threshold          = optional(number)
    minimum            = optional(number)
    period_seconds     = optional(number)
    evaluation_periods = optional(number)
    datapoints         = optional(number)
    treat_missing_data = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in flatten([keys(var.checks)]) : contains(["api-errors", "api-latency", "dead-letters", "function-duration", "function-errors", "function-heartbeat", "function-iterator-age", "function-throttles", "load-balancer-errors", "load-balancer-latency", "queue-age", "table-throttles", "topic-failures", "workflow-failures", "workflow-throttles"], name)])
    error_message = "checks has the names of checks: api-errors, api-latency, dead-letters, function-duration, function-errors, function-heartbeat, function-iterator-age, function-throttles, load-balancer-errors, load-balancer-latency, queue-age, table-throttles, topic-failures, workflow-failures, workflow-throttles."
  }
  validation {
    condition = alltrue([for c in flatten([values(var.checks)]) : alltrue([
      c.role == null || contains(["symptom", "cause"], coalesce(c.role, "symptom")),
      c.treat_missing_data == null || contains(["breaching", "ignore", "missing", "notBreaching"], coalesce(c.treat_missing_data, "missing")),
      c.period_seconds == null || contains([10, 20, 30], coalesce(c.period_seconds, 10)) || try(c.period_seconds % 60 == 0 && c.period_seconds > 0, false),
      c.minimum == null || try(c.minimum >= 1, false),
      c.evaluation_periods == null || try(c.evaluation_periods >= 1, false),
      c.datapoints == null || try(c.datapoints >= 1 && c.datapoints <= coalesce(c.evaluation_periods, c.datapoints), false),
    ])])
    error_message = "In checks, role is symptom or cause; treat_missing_data is breaching, ignore, missing or notBreaching; period_seconds is 10, 20, 30 or a multiple of 60; minimum, evaluation_periods and datapoints are 1 or more, and datapoints at most evaluation_periods."
  }
}

variable "maintenance_windows" {
  description = "Times in which nothing is notified, by name: `minutes` (1 to 1440) from each time of `schedule_expression` (null for a window that only a call of the function begins) in `timezone`; `services` that it is for, null for all. What still fails when a window ends is notified then."
  type = map(object({
    minutes             = number
    schedule_expression = optional(string)
    timezone            = optional(string, "UTC")
    services            = optional(set(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.maintenance_windows) : can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", name))])
    error_message = "The names of maintenance_windows must have 2 to 20 lowercase letters, digits and hyphens, such as \"patching\"."
  }
  validation {
    condition     = alltrue([for w in var.maintenance_windows : w.minutes >= 1 && w.minutes <= 1440 && floor(w.minutes) == w.minutes])
    error_message = "minutes must be a whole number from 1 to 1440 (a day)."
  }
  validation {
    condition     = length(var.maintenance_windows) <= 20
    error_message = "maintenance_windows can have at most 20 windows."
  }
}

variable "critical_emails" {
  description = "Email addresses that this module's topic notifies of critical services, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "warning_emails" {
  description = "Email addresses that this module's topic notifies of warnings, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "critical_actions" {
  description = "ARNs of what a critical service calls, instead of this module's topic: up to 5 topics, functions, or response plans of Incident Manager."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.critical_actions) <= 5 && alltrue([for arn in var.critical_actions : startswith(arn, "arn:")])
    error_message = "critical_actions must be at most 5 ARNs."
  }
}

variable "warning_actions" {
  description = "ARNs of what a warning calls, instead of this module's topic."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.warning_actions) <= 5 && alltrue([for arn in var.warning_actions : startswith(arn, "arn:")])
    error_message = "warning_actions must be at most 5 ARNs."
  }
}

variable "ignored_resources" {
  description = "Patterns of names or ARNs of resources that get no alarms (`*` and `?` are wildcards)."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "dead_letter_names" {
  description = "Patterns of the names of dead-letter queues, in which a single message is a warning. In other queues, the age of the oldest message is checked."
  type        = set(string)
  default     = ["*-dlq", "*-dlq.fifo", "*-DLQ", "*dead-letter*", "*DeadLetter*"]
  nullable    = false
}

variable "queries" {
  description = "Queries of CloudWatch Logs Insights that are saved for each service with functions, over the log groups of its functions."
  type        = map(string)
  default = {
    errors  = "fields @timestamp, @log, level, message, @message | filter level in [\"ERROR\", \"CRITICAL\"] or @message like /Task timed out|Runtime exited|errorType/ | sort @timestamp desc | limit 100"
    by-id   = "fields @timestamp, @log, @message | filter @message like \"REPLACE-WITH-AN-ID\" | sort @timestamp | limit 1000"
    slowest = "fields @timestamp, @log, record.requestId, record.metrics.durationMs as duration | filter type = \"platform.report\" | sort duration desc | limit 25"
    metrics = "filter ispresent(_aws.CloudWatchMetrics.0.Namespace) | stats count(*) as events by _aws.CloudWatchMetrics.0.Namespace, service, bin(5m)"
  }
  nullable = false

  validation {
    condition     = alltrue([for name, text in var.queries : can(regex("^[a-z][a-z0-9-]{0,62}$", name)) && length(text) >= 1 && length(text) <= 10000])
    error_message = "queries must have names of up to 63 lowercase letters, digits and hyphens, and texts of 1 to 10000 characters."
  }
}

variable "trace_groups" {
  description = "Groups of traces in X-Ray, by name (the environment's prefix is prepended): the filter, and whether insights look for anomalies. Span attributes of OpenTelemetry can be filtered only if they are indexed (README, \"Traces\")."
  type = map(object({
    filter_expression = string
    insights          = optional(bool, false)
  }))
  default = {
    faults = { filter_expression = "fault = true" }
  }
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.trace_groups) : can(regex("^[a-z][a-z0-9-]*$", name)) && length("${var.context.name_prefix}-${name}") <= 32])
    error_message = "The names of trace_groups must have lowercase letters, digits and hyphens, and at most 32 characters with the prefix ${var.context.name_prefix}-."
  }
  validation {
    condition     = alltrue([for g in var.trace_groups : length(g.filter_expression) >= 1 && length(g.filter_expression) <= 2000])
    error_message = "filter_expression must have 1 to 2000 characters."
  }
  validation {
    condition     = alltrue([for g in var.trace_groups : !can(regex("annotation(\\.[A-Za-z0-9_]+[^A-Za-z0-9_=!<> )]|\\[[^\\]]*[^A-Za-z0-9_\\]][^\\]]*\\])", g.filter_expression))])
    error_message = "filter_expression names an annotation with a dot or another character that no annotation has: exporters of OpenTelemetry replace it with _, so booking.id is annotation.booking_id."
  }
  validation {
    condition     = length(var.trace_groups) <= 25
    error_message = "trace_groups can have at most 25 groups, the quota of an account and Region."
  }
}

variable "sampling_rules" {
  description = "Sampling rules of X-Ray, by name (the environment's prefix is prepended): of the matching requests, `reservoir_size` a second and then the part `fixed_rate` (0 to 1) are recorded. The rule with the lowest `priority` that matches applies. Functions follow the decision of what calls them."
  type = map(object({
    priority       = number
    fixed_rate     = number
    reservoir_size = optional(number, 1)
    service_name   = optional(string, "*")
    service_type   = optional(string, "*")
    host           = optional(string, "*")
    http_method    = optional(string, "*")
    url_path       = optional(string, "*")
    resource_arn   = optional(string, "*")
    attributes     = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.sampling_rules) : can(regex("^[a-z][a-z0-9-]*$", name)) && length("${var.context.name_prefix}-${name}") <= 32])
    error_message = "The names of sampling_rules must have lowercase letters, digits and hyphens, and at most 32 characters with the prefix ${var.context.name_prefix}-."
  }
  validation {
    condition     = alltrue([for r in var.sampling_rules : r.priority >= 1 && r.priority <= 9999 && floor(r.priority) == r.priority]) && length(distinct([for r in var.sampling_rules : r.priority])) == length(var.sampling_rules)
    error_message = "priority must be a whole number from 1 to 9999, another for each rule: the order of equal ones is not defined."
  }
  validation {
    condition     = alltrue([for r in var.sampling_rules : r.fixed_rate >= 0 && r.fixed_rate <= 1 && r.reservoir_size >= 0 && floor(r.reservoir_size) == r.reservoir_size])
    error_message = "fixed_rate must be from 0 to 1 (0.05 is 5 %), and reservoir_size a whole number of 0 or more."
  }
  validation {
    condition     = length(var.sampling_rules) <= 25
    error_message = "sampling_rules can have at most 25 rules, the quota of an account and Region."
  }
}

variable "schedule_expression" {
  description = "Schedule of the reconciliation, in UTC. It finds what no event announces: deleted resources, and streams that functions read."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false
}

variable "batching_seconds" {
  description = "Seconds for which changed tags are collected before the reconciliation, so that an apply with many resources is one run."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.batching_seconds >= 1 && var.batching_seconds <= 300
    error_message = "batching_seconds must be between 1 and 300."
  }
}

variable "writes_per_second" {
  description = "Writes of alarms a second. CloudWatch accepts 3 `PutMetricAlarm` calls a second in an account and Region; raise this with that quota."
  type        = number
  default     = 2.5
  nullable    = false

  validation {
    condition     = var.writes_per_second > 0 && var.writes_per_second <= 100
    error_message = "writes_per_second must be above 0 and at most 100."
  }
}
