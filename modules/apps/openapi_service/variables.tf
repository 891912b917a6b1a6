variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`. The REST API writes logs, so the account and Region need `api_gateway_logging` there once."
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

variable "file" {
  description = "Path of the OpenAPI 3.0 file (YAML or JSON): the one source of the API, its documentation and its clients. Null for the sample, `widgets.yaml` in this module."
  type        = string
  default     = null

  validation {
    condition     = var.file == null || can(file(var.file))
    error_message = "file must be the path of a text file that exists, such as \"$${path.root}/openapi.yaml\"."
  }
}

variable "function" {
  description = "Function that answers all operations, with Lambda's proxy events: its `name`, and its `invoke_arn` (of the function or an alias). Null for the sample service, which keeps widgets in a table."
  type = object({
    name       = string
    invoke_arn = string
  })
  default = null

  validation {
    condition     = var.function == null || can(regex(":apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/.+/invocations$", var.function.invoke_arn))
    error_message = "function.invoke_arn must be the function's invoke_arn (arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations), not its arn."
  }
}

variable "authorizers" {
  description = "Who checks the callers of each security scheme of the file, by the scheme's name. One of: `iam = true` (requests signed by AWS principals), `api_key = true` (keys of a usage plan), `user_pool_arns` (tokens of Cognito user pools), or `function` (a Lambda authorizer: `name`, `invoke_arn`, `identity_sources`, and `ttl_seconds` for which a decision is kept; 0 keeps none)."
  type = map(object({
    iam            = optional(bool, false)
    api_key        = optional(bool, false)
    user_pool_arns = optional(set(string), [])
    function = optional(object({
      name             = string
      invoke_arn       = string
      identity_sources = optional(list(string), ["method.request.header.Authorization"])
      ttl_seconds      = optional(number, 300)
    }))
  }))
  default  = { sigv4 = { iam = true } }
  nullable = false

  validation {
    condition     = alltrue([for a in var.authorizers : length([for used in [a.iam, a.api_key, length(a.user_pool_arns) > 0, a.function != null] : used if used]) == 1])
    error_message = "Each of authorizers must have exactly one of iam, api_key, user_pool_arns and function."
  }
  validation {
    condition     = alltrue([for a in var.authorizers : a.function == null || try(a.function.ttl_seconds >= 0 && a.function.ttl_seconds <= 3600, false)])
    error_message = "authorizers: function.ttl_seconds must be from 0 to 3600, the longest time that API Gateway keeps a decision."
  }
  validation {
    condition     = alltrue(flatten([for a in var.authorizers : [for arn in a.user_pool_arns : can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$", arn))]]))
    error_message = "authorizers: user_pool_arns must be ARNs of user pools (arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID)."
  }
}

variable "accept_breaking_changes" {
  description = "Version of the file (its `info.version`) that may break clients of the version before. It accepts that one version and no later one; \"\" accepts none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.accept_breaking_changes == "" || can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.accept_breaking_changes))
    error_message = "accept_breaking_changes must be the version in the file's info.version, such as \"2.0.0\", or \"\"."
  }
}

variable "stages" {
  description = "Stages of the API by name, the first segment of the URL's path; `v1` is the one whose URL documentation and clients have. A stage serves its `release` (one that the output `release` showed, such as `1.0.0-0a1b2c3d4e5f`), or the newest. With a `canary`, it sends `percent_traffic` of its requests, chosen at random, to another `release`, or to the newest. A stage can have its own `throttle`, and `variables` that the function gets with each request."
  type = map(object({
    release = optional(string)
    canary = optional(object({
      release         = optional(string)
      percent_traffic = number
    }))
    throttle  = optional(object({ rate_limit = number, burst_limit = number }))
    variables = optional(map(string), {})
  }))
  default  = { v1 = {} }
  nullable = false

  validation {
    condition     = contains(keys(var.stages), "v1") && alltrue([for name in keys(var.stages) : can(regex("^[A-Za-z0-9_-]{1,64}$", name))])
    error_message = "stages must have v1, whose URL documentation and clients have, and names of letters, digits, hyphens and underscores."
  }
  validation {
    condition     = alltrue([for release in flatten([for stage in var.stages : [stage.release, try(stage.canary.release, null)]]) : release == null || can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+-[0-9a-f]{12}$", release))])
    error_message = "stages: each release must be what the output release showed when it was the newest, such as 1.0.0-0a1b2c3d4e5f. Leave it out for the newest."
  }
  validation {
    condition     = length(distinct([for release in compact(flatten([for stage in var.stages : [stage.release, try(stage.canary.release, null)]])) : split("-", release)[0]])) == length(distinct(compact(flatten([for stage in var.stages : [stage.release, try(stage.canary.release, null)]]))))
    error_message = "stages names two releases of one version. There is one release of each version: name the one that the output stages shows."
  }
  validation {
    condition     = alltrue([for stage in var.stages : stage.canary == null || try(stage.canary.percent_traffic >= 0 && stage.canary.percent_traffic <= 100, false)])
    error_message = "stages: a canary's percent_traffic must be from 0 to 100."
  }
  validation {
    condition     = alltrue([for stage in var.stages : stage.canary == null || stage.release != try(stage.canary.release, null)])
    error_message = "stages: a canary must have another release than its stage. Give the stage the release that it serves now, so that the canary gets the newest."
  }
  validation {
    condition     = alltrue(flatten([for stage in var.stages : [for name, value in stage.variables : can(regex("^[A-Za-z0-9_]+$", name)) && name != "document" && can(regex("^[A-Za-z0-9._~:/?#&=,-]+$", value))]]))
    error_message = "stages: variables must have names of letters, digits and underscores other than document, and values of letters, digits and ._~:/?#&=,- as API Gateway allows them."
  }
  validation {
    condition     = alltrue([for stage in var.stages : stage.throttle == null || try(stage.throttle.rate_limit > 0 && stage.throttle.burst_limit >= 1, false)])
    error_message = "stages: throttle.rate_limit must be more than 0 and throttle.burst_limit 1 or more: 0 would refuse every request."
  }
}

variable "throttle" {
  description = "Requests per second, and requests at once, that each operation of a stage takes before API Gateway answers 429."
  type = object({
    rate_limit  = optional(number, 100)
    burst_limit = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit >= 1
    error_message = "throttle.rate_limit must be more than 0 and throttle.burst_limit 1 or more: 0 would refuse every request."
  }
}

variable "policy" {
  description = "Resource policy of the API, as JSON; null for none. It is part of what is imported, so that no change of the file lifts it. `execute-api:/*` names the whole API."
  type        = string
  default     = null

  validation {
    condition     = var.policy == null || can(length(jsondecode(var.policy).Statement))
    error_message = "policy must be an IAM policy as JSON, such as jsonencode({ Version = \"2012-10-17\", Statement = [...] })."
  }
}

variable "binary_media_types" {
  description = "Media types whose bodies reach the function in Base64."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for media in var.binary_media_types : can(regex("^[A-Za-z0-9*.+-]+/[A-Za-z0-9*.+-]+$", media))])
    error_message = "binary_media_types must be media types such as image/png or image/*."
  }
}

variable "default_endpoint" {
  description = "Whether the API answers at its execute-api URL. Set it to false once a domain name of your own leads to it."
  type        = bool
  default     = true
  nullable    = false
}

variable "clients" {
  description = "Languages for which a client package is made: `python` (for pip), `typescript` (for npm)."
  type        = set(string)
  default     = ["python", "typescript"]
  nullable    = false

  validation {
    condition     = alltrue([for language in var.clients : contains(["python", "typescript"], language)])
    error_message = "clients must be from python and typescript; [] makes none."
  }
}

variable "package_name" {
  description = "Name of the client packages; \"\" for one of the file's title, such as `widgets-client`."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.package_name == "" || can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.package_name))
    error_message = "package_name must be lowercase letters, digits and single hyphens, such as \"widgets-client\": pip and npm both accept that."
  }
}

variable "documentation" {
  description = "The documentation's own domain (`domain_name`, with `certificate_arn` of ACM in us-east-1), and a web ACL of CloudFront (`web_acl_arn`) that limits readers. Without one, anyone who knows the URL can read it."
  type = object({
    domain_name     = optional(string)
    certificate_arn = optional(string)
    web_acl_arn     = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.documentation.domain_name == null) == (var.documentation.certificate_arn == null)
    error_message = "documentation.domain_name and documentation.certificate_arn are used together."
  }
  validation {
    condition     = var.documentation.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:us-east-1:", var.documentation.certificate_arn))
    error_message = "documentation.certificate_arn must be a certificate in us-east-1: CloudFront accepts no other Region's."
  }
  validation {
    condition     = var.documentation.web_acl_arn == null || can(regex(":wafv2:us-east-1:[0-9]{12}:global/webacl/", var.documentation.web_acl_arn))
    error_message = "documentation.web_acl_arn must be a web ACL with the scope CLOUDFRONT (arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/NAME/ID)."
  }
}

variable "image" {
  description = "Image of the builds: one of CodeBuild's own for ARM, with Python 3.13 and Node 22."
  type        = string
  default     = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
  nullable    = false

  validation {
    condition     = can(regex("^aws/codebuild/amazonlinux.*aarch64-standard:[0-9.]+$", var.image))
    error_message = "image must be one of CodeBuild's own for ARM, such as aws/codebuild/amazonlinux-aarch64-standard:3.0."
  }
}

variable "web_acl_arn" {
  description = "Regional web ACL to associate with the stages; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex(":wafv2:${var.context.region}:[0-9]{12}:regional/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be a regional web ACL of ${var.context.region} (arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/NAME/ID)."
  }
}

variable "deletion_protection" {
  description = "Protect the sample service's table from deletion, including by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket of the files even though they are in it."
  type        = bool
  default     = false
  nullable    = false
}
