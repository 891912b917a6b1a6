# The ARN is computed from the inputs, so that policies that contain it are known at plan time;
# depends_on makes consumers wait for the topic and its policy.

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
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    topic               = aws_sns_topic.this
    policy              = aws_sns_topic_policy.this
    email_subscriptions = aws_sns_topic_subscription.email
  }
}
