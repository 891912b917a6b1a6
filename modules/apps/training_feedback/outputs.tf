output "url" {
  description = "URL of the learners' page, without a slash at the end. Null without page."
  value       = one(module.page[*].url)
}

output "bot" {
  description = "What a client of your own needs to talk to the bot: `bot_id`, `alias_id`, `alias_arn`, `version` (that the alias points to) and `locales`."
  value = {
    bot_id    = aws_cloudformation_stack.bot.outputs.BotId
    alias_id  = aws_cloudformation_stack.bot.outputs.AliasId
    alias_arn = aws_cloudformation_stack.bot.outputs.AliasArn
    version   = aws_cloudformation_stack.bot.outputs.Version
    locales   = sort(var.locales)
  }
}

output "learners" {
  description = "How learners sign in: `user_pool_id`, `client_id`, `identity_pool_id` and `role_arn` (the role that they get)."
  value = {
    user_pool_id     = local.user_pool_id
    client_id        = local.client_id
    identity_pool_id = aws_cognito_identity_pool.this.id
    role_arn         = aws_iam_role.learner.arn
  }
}

output "material_table_name" {
  description = "Table of the material. Items have `topic`, `level` and `text`, and may have `title` and `url`."
  value       = module.tables["material"].name
}

output "learner_table_name" {
  description = "Table of the learners' levels."
  value       = module.tables["learner"].name
}

output "bucket" {
  description = "Bucket of the feedback."
  value       = module.bucket.id
}

output "queue_url" {
  description = "URL of the queue between the conversation and the analysis."
  value       = module.queue.url
}

output "dead_letter_queue_url" {
  description = "URL of the queue of feedback that could not be analysed, as it was said. Redrive it once the cause is gone."
  value       = module.queue.dead_letter_queue_url
}

output "athena" {
  description = "Where to query: `workgroup`, `database`, `table`, and the ids of the named `queries`."
  value = {
    workgroup = module.athena.workgroup_name
    database  = module.athena.database_name
    table     = module.athena.table_names.feedback
    queries   = module.athena.query_ids
  }
}

output "query_policy" {
  description = "Permissions of a principal that queries the feedback, as a policy in JSON."
  value       = module.athena.query_policy
}

output "quicksight_data_set_id" {
  description = "Id of the dataset in QuickSight. Null without quicksight."
  value       = one(aws_quicksight_data_set.this[*].data_set_id)
}

output "function_names" {
  description = "Names of the functions: `hook`, `analyse`, and with a page `page`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.queue.alarm_names, flatten(module.page[*].alarm_names)))
}
