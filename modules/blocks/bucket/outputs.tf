# ARN and name follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait until the bucket is as secure as it will be.

output "arn" {
  description = "ARN of the bucket."
  value       = local.arn
  depends_on = [
    aws_s3_bucket_policy.this, aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this, aws_s3_bucket_ownership_controls.this, aws_s3_bucket_notification.this,
  ]
}

output "id" {
  description = "Name of the bucket."
  value       = local.name
  depends_on = [
    aws_s3_bucket_policy.this, aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this, aws_s3_bucket_ownership_controls.this, aws_s3_bucket_notification.this,
  ]
}

output "bucket_regional_domain_name" {
  description = "Host name of the bucket in its Region."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}

output "kms_key_arn" {
  description = "Key that encrypts the objects."
  value       = local.kms_key_arn
}
