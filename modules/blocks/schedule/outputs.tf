# ARNs and names follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait for what they name.

output "arn" {
  description = "ARN of the schedule."
  value       = local.arn
  depends_on  = [aws_scheduler_schedule.this]
}

output "name" {
  description = "Name of the schedule."
  value       = local.name
  depends_on  = [aws_scheduler_schedule.this]
}

output "role_arn" {
  description = "ARN of the role that calls the target."
  value       = "arn:${var.context.partition}:iam::${var.context.account_id}:role/${local.role_name}"
  depends_on  = [aws_iam_role_policy.this]
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of calls that failed for good."
  value       = module.dead_letter_queue.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue of calls that failed for good."
  value       = module.dead_letter_queue.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [module.dead_letter_queue.alarm_name]
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    schedule    = aws_scheduler_schedule.this
    role_policy = aws_iam_role_policy.this
  }
}
