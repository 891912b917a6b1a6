output "action_arn" {
  description = "ARN of the custom action."
  value       = aws_securityhub_action_target.this.arn
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    values(aws_cloudwatch_metric_alarm.undelivered)[*].alarm_name,
    module.action_rule.alarm_names,
    flatten([values(module.route_rule)[*].alarm_names, module.queue[*].alarm_names, module.functions[*].alarm_names]),
  ))
}

output "channel_role_arn" {
  description = "ARN of the role that members of the channels use for commands."
  value       = aws_iam_role.channel.arn
}

output "configuration_arns" {
  description = "ARNs of the channels' configurations, of Slack and of Teams, by the channel's name."
  value = {
    slack = { for name, c in aws_chatbot_slack_channel_configuration.this : name => c.chat_configuration_arn }
    teams = { for name, c in aws_chatbot_teams_channel_configuration.this : name => c.chat_configuration_arn }
  }
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues, by their source: events of the custom action (`action`), events of each route (`routes`), findings that could not be set NOTIFIED (`notified`; null without severities)."
  value = {
    action   = module.action_rule.dead_letter_queue_url
    routes   = { for id, rule in module.route_rule : id => rule.dead_letter_queue_url }
    notified = one(module.queue[*].dead_letter_queue_url)
  }
}

output "function_name" {
  description = "Name of the function that sets findings NOTIFIED; null without severities."
  value       = one(module.functions[*].functions.notified.name)
}

output "topic_arn" {
  description = "ARN of the topic with the findings that analysts send, for other subscribers."
  value       = module.topic.arn
}

output "route_topic_arns" {
  description = "ARNs of the topics with the findings that are posted automatically: `severity` for the channels without filters of their own, and one for each other channel, such as `slack-payments`."
  value       = { for id, topic in module.route_topic : id => topic.arn }
}
