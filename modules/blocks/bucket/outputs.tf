# ARN and name are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait until the bucket is fully secured.

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

output "kms_key_arn" {
  description = "Key that encrypts the objects."
  value       = local.kms_key_arn
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    bucket              = aws_s3_bucket.this
    public_access_block = aws_s3_bucket_public_access_block.this
    ownership_controls  = aws_s3_bucket_ownership_controls.this
    versioning          = aws_s3_bucket_versioning.this
    encryption          = aws_s3_bucket_server_side_encryption_configuration.this
    logging             = aws_s3_bucket_logging.this
    notification        = aws_s3_bucket_notification.this
    lifecycle           = aws_s3_bucket_lifecycle_configuration.this
    policy              = aws_s3_bucket_policy.this
  }
}
