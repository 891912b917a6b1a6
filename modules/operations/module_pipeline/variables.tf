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

variable "modules" {
  description = "Modules with a pipeline each, by name, which is the name in the registry: `source`, one of `s3` (`bucket` and `key` of a zip; by default `source/<name>.zip` in the capability's own bucket; another bucket must be versioned and send its events to EventBridge, and `kms_key_arn` is its key), `codecommit` (`repository` and `branch`) and `connection` (CodeConnections: `connection_arn`, `repository` as `owner/name`, `branch`); `path` (the module's folder in the source); `release`: `s3` (an object of the version in the registry) or `git_tag` (the tag `v<version>`, not for an S3 source); `integration_tests` (run `tests/integration` in the sandbox account); `accept_unparsed` (files, relative to the module, that Checkov cannot parse and that are released without being scanned)."
  type = map(object({
    source = object({
      s3 = optional(object({
        bucket      = optional(string)
        key         = optional(string)
        kms_key_arn = optional(string)
      }))
      codecommit = optional(object({
        repository = string
        branch     = optional(string, "main")
      }))
      connection = optional(object({
        connection_arn = string
        repository     = string
        branch         = optional(string, "main")
      }))
    })
    path              = optional(string, ".")
    release           = optional(string, "s3")
    integration_tests = optional(bool, false)
    accept_unparsed   = optional(list(string), [])
  }))
  nullable = false

  validation {
    condition     = length(var.modules) >= 1 && length(var.modules) <= 50
    error_message = "modules must have 1 to 50 modules, such as { topic = { source = { s3 = {} } } }."
  }
  validation {
    condition     = alltrue([for name in keys(var.modules) : can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", name))])
    error_message = "The name of a module must have 2 to 40 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen: it names the pipeline and the release."
  }
  validation {
    condition     = alltrue([for m in var.modules : length([for s in [m.source.s3, m.source.codecommit, m.source.connection] : s if s != null]) == 1])
    error_message = "source must be one of s3, codecommit and connection, such as source = { s3 = {} }."
  }
  validation {
    condition     = alltrue([for m in var.modules : m.source.connection == null || can(regex("^arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[a-f0-9-]+$", m.source.connection.connection_arn))])
    error_message = "connection_arn must be the ARN of a connection: arn:aws:codeconnections:REGION:ACCOUNT:connection/ID. Create it, and let its owner complete it in the console."
  }
  validation {
    condition     = alltrue([for m in var.modules : m.source.connection == null || can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$", m.source.connection.repository))])
    error_message = "repository of a connection must be owner/name, not a URL."
  }
  validation {
    condition     = alltrue([for m in var.modules : m.source.codecommit == null || can(regex("^[A-Za-z0-9._-]{1,100}$", m.source.codecommit.repository))])
    error_message = "repository of codecommit must be the name of a repository, up to 100 letters, digits, dots, hyphens and underscores."
  }
  validation {
    condition     = alltrue([for m in var.modules : m.source.s3 == null || try(m.source.s3.bucket == null || m.source.s3.key != null, false)])
    error_message = "key is missing: with a bucket of your own, name the key of the zip in it."
  }
  validation {
    condition     = alltrue([for m in var.modules : try(m.source.s3.kms_key_arn, null) == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", m.source.s3.kms_key_arn))])
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
  validation {
    condition     = alltrue([for m in var.modules : can(regex("^(\\.|[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)$", m.path))])
    error_message = "path must be a folder in the source, such as modules/topic, or \".\" for the source itself."
  }
  validation {
    condition     = alltrue([for m in var.modules : contains(["s3", "git_tag"], m.release)])
    error_message = "release must be s3 or git_tag."
  }
  validation {
    condition     = alltrue([for m in var.modules : m.release != "git_tag" || m.source.s3 == null])
    error_message = "release git_tag needs a repository: an S3 source can only be released to s3."
  }
  validation {
    condition     = alltrue([for m in var.modules : !m.integration_tests || var.sandbox != null])
    error_message = "integration_tests need a sandbox account: set sandbox, whose roles modules/operations/module_pipeline/sandbox_roles creates there."
  }
  validation {
    # CodePipeline accepts up to 1000 characters as the environment variables of a build.
    condition     = alltrue([for m in var.modules : length(jsonencode(m.accept_unparsed)) <= 400])
    error_message = "accept_unparsed must have at most 400 characters as JSON. Split the module, or mend the files."
  }
}

variable "image" {
  description = "Image of the builds, by digest: a repository in ECR, or another registry that needs no password. It must have Terraform 1.6 or later, Python 3.11 or later with Checkov, and git for `git_tag`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]*(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must name a digest, such as 111122223333.dkr.ecr.eu-central-1.amazonaws.com/terraform@sha256:…: the content behind a tag can change."
  }
}

variable "image_architecture" {
  description = "Architecture of the image: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.image_architecture)
    error_message = "image_architecture must be x86_64 or arm64."
  }
}

variable "compute_type" {
  description = "Size of the builds."
  type        = string
  default     = "BUILD_GENERAL1_SMALL"
  nullable    = false

  validation {
    condition     = contains(["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE"], var.compute_type)
    error_message = "compute_type must be BUILD_GENERAL1_SMALL, BUILD_GENERAL1_MEDIUM, BUILD_GENERAL1_LARGE or BUILD_GENERAL1_XLARGE."
  }
}

variable "build_timeout_minutes" {
  description = "Minutes after which a build is stopped; tests in the sandbox have `sandbox.budget_minutes`."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.build_timeout_minutes >= 5 && var.build_timeout_minutes <= 480 && floor(var.build_timeout_minutes) == var.build_timeout_minutes
    error_message = "build_timeout_minutes must be a whole number from 5 to 480."
  }
}

variable "vpc" {
  description = "Network of the builds: `vpc_id`, `subnet_ids` (private, with a route to what the builds need) and `security_group_ids`; null for the one of AWS, with access to the internet."
  type = object({
    vpc_id             = string
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc needs at least one subnet and one security group."
  }
}

variable "execution_mode" {
  description = "What happens to executions of one pipeline that overlap: `QUEUED` (all run, one after the other) or `SUPERSEDED` (a newer one replaces one that waits, also for a stage whose approval is open)."
  type        = string
  default     = "QUEUED"
  nullable    = false

  validation {
    condition     = contains(["QUEUED", "SUPERSEDED"], var.execution_mode)
    error_message = "execution_mode must be QUEUED or SUPERSEDED: with PARALLEL, two executions could release at once."
  }
}

variable "approval_required" {
  description = "Ask a person before each release."
  type        = bool
  default     = true
  nullable    = false
}

variable "approval_timeout_minutes" {
  description = "Minutes after which a release that was not approved is rejected, from 5 to 86400 (60 days)."
  type        = number
  default     = 10080
  nullable    = false

  validation {
    condition     = var.approval_timeout_minutes >= 5 && var.approval_timeout_minutes <= 86400 && floor(var.approval_timeout_minutes) == var.approval_timeout_minutes
    error_message = "approval_timeout_minutes must be a whole number from 5 to 86400."
  }
}

variable "notification_emails" {
  description = "Email addresses that are asked for approvals, and notified of failed executions, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "sandbox" {
  description = "Account for tests that create resources: `test_role_arn` (what the tests may do), `sweep_role_arn` (removes what they leave) and `external_id`, as modules/operations/module_pipeline/sandbox_roles creates them; `region` (null for this one); `budget_minutes` (after which tests are interrupted); `sweep_schedule_expression` (when the leftovers of stopped builds are removed, in UTC)."
  type = object({
    test_role_arn             = string
    sweep_role_arn            = string
    external_id               = string
    region                    = optional(string)
    budget_minutes            = optional(number, 30)
    sweep_schedule_expression = optional(string, "rate(1 hour)")
  })
  default = null

  validation {
    condition     = var.sandbox == null || alltrue([for arn in try([var.sandbox.test_role_arn, var.sandbox.sweep_role_arn], []) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", arn))])
    error_message = "test_role_arn and sweep_role_arn must be ARNs of roles: arn:aws:iam::ACCOUNT:role/NAME."
  }
  validation {
    condition     = var.sandbox == null || can(regex("^[A-Za-z0-9+=,.@:/-]{2,128}$", var.sandbox.external_id))
    error_message = "external_id must have 2 to 128 letters, digits and the characters + = , . @ : / -"
  }
  validation {
    # The session of a role that is assumed with a role's credentials lasts an hour, and 15 minutes are for cleaning up.
    condition     = var.sandbox == null || try(var.sandbox.budget_minutes >= 1 && var.sandbox.budget_minutes <= 45 && floor(var.sandbox.budget_minutes) == var.sandbox.budget_minutes, false)
    error_message = "budget_minutes must be a whole number from 1 to 45: the tests' credentials are valid for an hour, and 15 minutes of it are for cleaning up."
  }
  validation {
    condition     = var.sandbox == null || can(regex("^(cron|rate)\\(.+\\)$", var.sandbox.sweep_schedule_expression))
    error_message = "sweep_schedule_expression must be cron(...) or rate(...), such as \"rate(1 hour)\"."
  }
}

variable "report_days" {
  description = "Days for which artifacts and reports are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.report_days >= 1 && floor(var.report_days) == var.report_days
    error_message = "report_days must be a whole number of 1 or more."
  }
}

variable "consumer_account_ids" {
  description = "Other accounts that may read the releases. They need `registry_kms_key_arn`, whose policy lets them decrypt."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.consumer_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "consumer_account_ids must be account IDs of 12 digits, as strings."
  }
  validation {
    condition     = length(var.consumer_account_ids) == 0 || var.registry_kms_key_arn != null
    error_message = "registry_kms_key_arn is missing: other accounts cannot use the stack's key. Name a key whose policy lets them decrypt."
  }
}

variable "registry_kms_key_arn" {
  description = "Key of the registry; null for the stack's key, which only this account can use."
  type        = string
  default     = null

  validation {
    condition     = var.registry_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.registry_kms_key_arn))
    error_message = "registry_kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the buckets with reports, sources and releases."
  type        = bool
  default     = false
  nullable    = false
}
