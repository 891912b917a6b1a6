# One entry for each module in lambda_src/posture/finding_remediation/remediations, of the same name. Its statements
# apply to the function here and to the role in member accounts.
#
# - action: the Security Hub custom action; id of at most 20 letters and digits, name of at most 20 characters
# - automatic: what a finding must match for the automatic rule, in addition to NEW and ACTIVE
# - environment: the variables that its module reads
# - statements: its permissions, in addition to answering findings
locals {
  remediations = {
    elastic_ip = {
      action = {
        id          = "ReleaseElasticIP"
        name        = "Release Elastic IP"
        description = "Releases unused Elastic IPs; a released address cannot be recovered"
      }
      automatic   = { Compliance = { SecurityControlId = ["EC2.12"], Status = ["FAILED"] } }
      environment = { EXEMPT_TAG = var.exempt_tag }
      batch_size  = 10
      timeout     = 60
      statements = [
        {
          # DescribeAddresses supports no resource-level permissions.
          sid        = "ReadAddresses"
          actions    = ["ec2:DescribeAddresses"]
          resources  = ["*"]
          conditions = {}
        },
        {
          sid       = "ReleaseAddresses"
          actions   = ["ec2:ReleaseAddress"]
          resources = ["arn:${var.partition}:ec2:*:${var.account_id}:elastic-ip/*"]
          # In addition to the function's own check: the role cannot release an address with the tag.
          conditions = { Null = { "aws:ResourceTag/${var.exempt_tag}" = ["true"] } }
        },
      ]
    }

    macie_bucket = {
      action = {
        id          = "MacieS3BucketPolicy"
        name        = "Macie Policy Finding"
        description = "Tags the bucket, encrypts new objects with KMS by default, blocks public access"
      }
      # The three of Macie's six types whose condition these settings end.
      automatic = {
        ProductName = ["Macie"]
        Types = [
          "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BlockPublicAccessDisabled",
          "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketEncryptionDisabled",
          "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketPublic",
        ]
      }
      environment = {
        EXEMPT_BUCKET_TAG = local.exempt_bucket_tag
        PUBLIC_BUCKETS    = jsonencode(sort(var.public_buckets))
      }
      batch_size = 10
      timeout    = 60
      statements = [
        {
          sid        = "ReadTags"
          actions    = ["s3:GetBucketTagging"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "WriteTags"
          actions    = ["s3:PutBucketTagging"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "ReadEncryption"
          actions    = ["s3:GetEncryptionConfiguration"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "WriteEncryption"
          actions    = ["s3:PutEncryptionConfiguration"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "ReadPublicAccessBlock"
          actions    = ["s3:GetBucketPublicAccessBlock"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "BlockPublicAccess"
          actions    = ["s3:PutBucketPublicAccessBlock"]
          resources  = local.buckets
          conditions = local.own
        },
      ]
    }

    macie_object = {
      action = {
        id          = "MacieSensitiveData"
        name        = "Macie Data Finding"
        description = "Tags the object and encrypts it with a dedicated key"
      }
      automatic = { ProductName = ["Macie"], Types = [{ prefix = "Sensitive Data Identifications/" }] }
      environment = {
        COPY_PART_MIB       = tostring(var.copy_part_mib)
        COPY_SINGLE_MAX_MIB = tostring(var.copy_single_max_mib)
        DELETE_OLD_VERSION  = tostring(var.delete_old_version)
        EXEMPT_BUCKET_TAG   = local.exempt_bucket_tag
        OBJECT_KMS_KEY_ARNS = jsonencode(var.object_kms_key_arns)
      }
      batch_size = 1 # A large object may take all of the time.
      timeout    = 900
      statements = [
        {
          sid        = "ReadObjects"
          actions    = ["s3:GetObject"]
          resources  = local.objects
          conditions = local.own
        },
        {
          # Without these, HeadObject answers as if the object had no lock.
          sid        = "ReadLocks"
          actions    = ["s3:GetObjectLegalHold", "s3:GetObjectRetention"]
          resources  = local.objects
          conditions = local.own
        },
        {
          sid        = "ReadTagsAndAcls"
          actions    = ["s3:GetObjectAcl", "s3:GetObjectTagging"]
          resources  = local.objects
          conditions = local.own
        },
        {
          sid        = "WriteObjects"
          actions    = ["s3:AbortMultipartUpload", "s3:PutObject"]
          resources  = local.objects
          conditions = local.own
        },
        {
          sid        = "WriteTagsAndAcls"
          actions    = ["s3:PutObjectAcl", "s3:PutObjectTagging"]
          resources  = local.objects
          conditions = local.own
        },
        {
          # The keys of the objects that Macie will find are not known beforehand. Allow any key of the account, through S3
          # only, unless source_kms_key_arns names them.
          sid        = "DecryptObjects"
          actions    = ["kms:Decrypt"]
          resources  = local.source_keys
          conditions = local.through_s3
        },
        {
          sid        = "EncryptObjects"
          actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
          resources  = local.object_keys
          conditions = local.through_s3
        },
        {
          # Whether the version that the finding is about still exists.
          sid        = "ListVersions"
          actions    = ["s3:ListBucketVersions"]
          resources  = local.buckets
          conditions = local.own
        },
      ]
    }

    s3_lifecycle = {
      action = {
        id          = "ExpireOldS3Versions"
        name        = "Expire S3 versions"
        description = "Adds a lifecycle rule for noncurrent versions of versioned buckets"
      }
      automatic = { Compliance = { SecurityControlId = ["S3.10"], Status = ["FAILED"] } }
      environment = {
        EXEMPT_BUCKET_TAG = local.exempt_bucket_tag
        NONCURRENT_DAYS   = tostring(var.noncurrent_days)
      }
      batch_size = 10
      timeout    = 60
      statements = [
        {
          sid        = "ReadVersioning"
          actions    = ["s3:GetBucketVersioning"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "ReadLifecycle"
          actions    = ["s3:GetLifecycleConfiguration"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "WriteLifecycle"
          actions    = ["s3:PutLifecycleConfiguration"]
          resources  = local.buckets
          conditions = local.own
        },
      ]
    }

    s3_public = {
      action = {
        id          = "MakeS3BucketPrivate"
        name        = "Make bucket private"
        description = "Blocks all public access to the bucket"
      }
      automatic = { Compliance = { SecurityControlId = ["S3.2", "S3.3", "S3.8"], Status = ["FAILED"] } }
      environment = {
        EXEMPT_BUCKET_TAG = local.exempt_bucket_tag
        PUBLIC_BUCKETS    = jsonencode(sort(var.public_buckets))
      }
      batch_size = 10
      timeout    = 60
      statements = [
        {
          sid        = "ReadPublicAccessBlock"
          actions    = ["s3:GetBucketPublicAccessBlock"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "BlockPublicAccess"
          actions    = ["s3:PutBucketPublicAccessBlock"]
          resources  = local.buckets
          conditions = local.own
        },
      ]
    }

    s3_versioning = {
      action = {
        id          = "TurnOnS3Versioning"
        name        = "TurnOnS3Versioning"
        description = "Action that will turn on versioning for a specific S3 bucket"
      }
      automatic   = { Compliance = { SecurityControlId = ["S3.14"], Status = ["FAILED"] } }
      environment = { EXEMPT_BUCKET_TAG = local.exempt_bucket_tag }
      batch_size  = 10
      timeout     = 60
      statements = [
        {
          sid        = "ReadVersioning"
          actions    = ["s3:GetBucketVersioning"]
          resources  = local.buckets
          conditions = local.own
        },
        {
          sid        = "TurnVersioningOn"
          actions    = ["s3:PutBucketVersioning"]
          resources  = local.buckets
          conditions = local.own
        },
      ]
    }
  }

  exempt_bucket_tag = var.exempt_bucket_tag == null ? "" : var.exempt_bucket_tag

  # Statements that a setting adds.
  added = {
    for key in keys(local.remediations) : key => concat(
      var.exempt_bucket_tag != null && contains(["macie_object", "s3_lifecycle", "s3_public", "s3_versioning"], key) ? [{
        sid        = "ReadExemption" # macie_bucket reads the tags anyway.
        actions    = ["s3:GetBucketTagging"]
        resources  = local.buckets
        conditions = local.own
      }] : [],
      var.delete_old_version && key == "macie_object" ? [{
        sid        = "DeleteOldVersions"
        actions    = ["s3:DeleteObjectVersion"]
        resources  = local.objects
        conditions = local.own
      }] : [],
    )
  }

  buckets = [for pattern in sort(var.bucket_patterns) : "arn:${var.partition}:s3:::${pattern}"]
  objects = [for bucket in local.buckets : "${bucket}/*"]

  # A bucket's ARN names no account. Never change another account's bucket, even if its policy allows it.
  own        = { StringEquals = { "aws:ResourceAccount" = [var.account_id] } }
  through_s3 = { StringLike = { "kms:ViaService" = ["s3.*.*"] } }

  object_keys = sort(distinct(values(var.object_kms_key_arns)))
  source_keys = var.source_kms_key_arns == null ? ["arn:${var.partition}:kms:*:${var.account_id}:key/*"] : sort(var.source_kms_key_arns)
}
