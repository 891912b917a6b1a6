# The ARN follows from the inputs, so that policies made of it are known at plan time;
# depends_on makes whoever uses it wait for what it names.

output "arn" {
  description = "ARN of the topic."
  value       = local.arn
  depends_on  = [aws_sns_topic.this, aws_sns_topic_policy.this]
}

output "name" {
  description = "Name of the topic."
  value       = local.name
  depends_on  = [aws_sns_topic.this, aws_sns_topic_policy.this]
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    topic               = aws_sns_topic.this
    policy              = aws_sns_topic_policy.this
    email_subscriptions = aws_sns_topic_subscription.email
  }
}
