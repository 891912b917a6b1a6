locals {
  # A change of columns belongs into records.py too.
  record_columns = {
    account          = { type = "string", comment = "Account of the pipeline" }
    region           = { type = "string", comment = "Region of the pipeline" }
    pipeline         = { type = "string", comment = "Name of the pipeline" }
    execution        = { type = "string", comment = "ID of the execution; empty for an alarm" }
    level            = { type = "string", comment = "pipeline, stage, action, revision or alarm" }
    stage            = { type = "string", comment = "Name of the stage" }
    action           = { type = "string", comment = "Name of the action, or of the alarm" }
    attempt          = { type = "bigint", comment = "Attempt of the execution; null in records of the history" }
    state            = { type = "string", comment = "State as CodePipeline names it" }
    time             = { type = "string", comment = "When the state was reached, UTC, ISO 8601" }
    started          = { type = "string", comment = "When the execution or action began, UTC, ISO 8601" }
    source           = { type = "string", comment = "event or history" }
    event_id         = { type = "string", comment = "ID of the event" }
    action_execution = { type = "string", comment = "ID of the run of an action" }
    category         = { type = "string", comment = "Category of an action, such as Approval" }
    provider         = { type = "string", comment = "Provider of an action, such as CodeDeploy" }
    error_code       = { type = "string", comment = "Error of a failed action" }
    trigger_type     = { type = "string", comment = "What started the execution" }
    execution_type   = { type = "string", comment = "STANDARD or ROLLBACK; in records of the history" }
    revision         = { type = "string", comment = "Commit that a source action took; in records of the history" }
    committed        = { type = "string", comment = "When that commit was made, UTC, ISO 8601" }
  }

  production_case = join(" ", concat(
    ["CASE"],
    [for pipeline, stage in var.pipeline_production_stages : "WHEN pipeline = '${pipeline}' THEN CASE WHEN lower(stage) = '${lower(stage)}' THEN 0 END"],
    [for index, stage in var.production_stages : "WHEN lower(stage) = '${lower(stage)}' THEN ${index}"],
    ["END"],
  ))

  view_settings = {
    time_zone             = var.time_zone
    production_rank       = local.production_case
    count_stage_failures  = contains(var.failure_signals, "stage") ? "TRUE" : "FALSE"
    count_rollbacks       = contains(var.failure_signals, "rollback") ? "TRUE" : "FALSE"
    incident_milliseconds = tostring(var.incident_hours * 3600000)
  }
  views = yamldecode(file("${path.module}/views/views.yaml"))
}

module "athena" {
  source = "../../blocks/athena"

  context         = var.context
  name            = local.name
  description     = "Executions of CodePipeline"
  bucket_name     = module.bucket.id
  query_limit_mib = var.query_limit_mib

  tables = {
    records = {
      description = "Changes of state as they came; the view events has each once"
      prefix      = local.records
      compression = "gzip"
      # The views leave out the rows without values that a line becomes which is no JSON: it must not end each query.
      serde_parameters = { "ignore.malformed.json" = "true" }
      columns          = [for name, column in local.record_columns : { name = name, type = column.type, comment = column.comment }]
      partitions = [{
        name       = "dt"
        comment    = "Day of the time, YYYY-MM-DD (UTC)"
        projection = { type = "date", range = "NOW-${var.retention_days}DAYS,NOW+1DAY" }
      }]
    }
  }

  views = {
    for name, view in local.views : name => {
      description = view.description
      columns     = view.columns
      sql         = templatefile("${path.module}/views/${name}.sql", local.view_settings)
    }
  }
}
