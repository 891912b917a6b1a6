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

variable "name" {
  description = "Name of the service, to which the environment's prefix is prepended. The names of its load balancer, repository and roles follow from it."
  type        = string
  default     = "container"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name must contain only lowercase letters, digits and single hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 32
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 32 characters that a load balancer's name can have."
  }
}

variable "vpc_id" {
  description = "VPC of the service."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets of the tasks, in two or more Availability Zones: private ones with a way to ECR, S3 and CloudWatch Logs (a NAT gateway, or VPC endpoints), or public ones with `assign_public_ip`."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "subnet_ids must have two or more ids of subnets, in different Availability Zones, such as subnet-0123456789abcdef0."
  }
}

variable "assign_public_ip" {
  description = "Give tasks public addresses, which they need in subnets without NAT gateway and VPC endpoints. Their security group accepts connections from the load balancer only."
  type        = bool
  default     = false
  nullable    = false
}

variable "load_balancer" {
  description = "Application Load Balancer in `subnet_ids` (public subnets unless `internal`), with the certificate `certificate_arn` of ACM in this Region. `allowed_cidr_blocks` may connect: [\"0.0.0.0/0\"] for the public. `ssl_policy` names the security policy of TLS. `idle_timeout` and `deregistration_delay` (how long a task that stops may finish requests) are seconds."
  type = object({
    subnet_ids           = set(string)
    certificate_arn      = string
    allowed_cidr_blocks  = set(string)
    internal             = optional(bool, false)
    ssl_policy           = optional(string, "ELBSecurityPolicy-TLS13-1-2-2021-06")
    idle_timeout         = optional(number, 60)
    deregistration_delay = optional(number, 30)
  })
  nullable = false

  validation {
    condition     = length(var.load_balancer.subnet_ids) >= 2 && alltrue([for id in var.load_balancer.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "load_balancer.subnet_ids must have two or more ids of subnets, in different Availability Zones, such as subnet-0123456789abcdef0."
  }
  validation {
    condition     = can(regex("^arn:${var.context.partition}:acm:${var.context.region}:[0-9]{12}:certificate/", var.load_balancer.certificate_arn))
    error_message = "load_balancer.certificate_arn must be the ARN of a certificate of ACM in this Region: arn:${var.context.partition}:acm:${var.context.region}:ACCOUNT:certificate/ID."
  }
  validation {
    condition     = length(var.load_balancer.allowed_cidr_blocks) >= 1 && alltrue([for block in var.load_balancer.allowed_cidr_blocks : can(cidrnetmask(block))])
    error_message = "load_balancer.allowed_cidr_blocks must have one or more IPv4 ranges, such as 203.0.113.0/24; 0.0.0.0/0 stands for the public."
  }
  validation {
    condition     = startswith(var.load_balancer.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-") || startswith(var.load_balancer.ssl_policy, "ELBSecurityPolicy-TLS13-1-3-")
    error_message = "load_balancer.ssl_policy must be a policy without TLS 1.0 and 1.1: ELBSecurityPolicy-TLS13-1-2-… or ELBSecurityPolicy-TLS13-1-3-…."
  }
  validation {
    condition     = var.load_balancer.idle_timeout >= 1 && var.load_balancer.idle_timeout <= 4000 && var.load_balancer.deregistration_delay >= 0 && var.load_balancer.deregistration_delay <= 3600
    error_message = "load_balancer.idle_timeout must be 1 to 4000 seconds, and deregistration_delay 0 to 3600."
  }
}

variable "container" {
  description = "The container: the `port` at which it serves HTTP, `cpu` (1024 is one vCPU) and `memory` (MiB) of a task in a combination that Fargate has, and `architecture` (`X86_64` or `ARM64`). `environment` has values that each reader of the stack can see; `secrets` maps a variable to the ARN of a secret (with `:KEY::` after it for one key of a JSON secret) or of a parameter. `read_only_root = false` lets it write outside of /tmp. `user` is the user that runs it, null for the image's. ECS kills it `stop_timeout` seconds after SIGTERM."
  type = object({
    port           = optional(number, 8080)
    cpu            = optional(number, 256)
    memory         = optional(number, 512)
    architecture   = optional(string, "X86_64")
    environment    = optional(map(string), {})
    secrets        = optional(map(string), {})
    user           = optional(string)
    read_only_root = optional(bool, true)
    stop_timeout   = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.container.port >= 1 && var.container.port <= 65535 && floor(var.container.port) == var.container.port
    error_message = "container.port must be a port from 1 to 65535."
  }
  validation {
    condition = contains(try({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }[var.container.cpu], []), var.container.memory)
    error_message = "container.cpu and container.memory must be a combination that Fargate has: 256 with 512, 1024 or 2048; 512 with 1024 to 4096; 1024 with 2048 to 8192; 2048 with 4096 to 16384; 4096 with 8192 to 30720; 8192 with 16384 to 61440 in steps of 4096; 16384 with 32768 to 122880 in steps of 8192."
  }
  validation {
    condition     = contains(["X86_64", "ARM64"], var.container.architecture)
    error_message = "container.architecture must be X86_64 or ARM64: what the pipeline builds for."
  }
  validation {
    condition     = alltrue([for source in values(var.container.secrets) : can(regex("^arn:${var.context.partition}:(secretsmanager:${var.context.region}:[0-9]{12}:secret:[^:]+(:[^:]*:[^:]*:[^:]*)?|ssm:${var.context.region}:[0-9]{12}:parameter/.+)$", source))])
    error_message = "container.secrets must be ARNs of this Region: of a secret (arn:${var.context.partition}:secretsmanager:${var.context.region}:ACCOUNT:secret:NAME-SUFFIX, with :KEY:: after it for one key), or of a parameter (arn:${var.context.partition}:ssm:${var.context.region}:ACCOUNT:parameter/NAME). A secret's value does not belong here."
  }
  validation {
    condition     = length(setintersection(keys(var.container.environment), keys(var.container.secrets))) == 0
    error_message = "container.environment and container.secrets must not have the same name: ECS refuses it."
  }
  validation {
    condition     = var.container.stop_timeout >= 2 && var.container.stop_timeout <= 120
    error_message = "container.stop_timeout must be 2 to 120 seconds, the most that Fargate allows."
  }
}

variable "secret_kms_key_arns" {
  description = "Customer managed keys that encrypt `container.secrets`; none for AWS's own keys."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.secret_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "secret_kms_key_arns must be ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID), not aliases."
  }
}

variable "health_check" {
  description = "How the load balancer finds out that a task works: GET `path` has a status of `matcher`, `healthy_threshold` times, every `interval` seconds, each within `timeout`; `unhealthy_threshold` failures replace the task. A task that starts may fail for `grace_period` seconds."
  type = object({
    path                = optional(string, "/")
    matcher             = optional(string, "200")
    interval            = optional(number, 15)
    timeout             = optional(number, 5)
    healthy_threshold   = optional(number, 2)
    unhealthy_threshold = optional(number, 3)
    grace_period        = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/[A-Za-z0-9._~/-]{0,200}$", var.health_check.path))
    error_message = "health_check.path must begin with / and have letters, digits and . _ ~ - / only, such as /health."
  }
  validation {
    condition     = can(regex("^[2-4][0-9]{2}(-[2-4][0-9]{2})?(,[2-4][0-9]{2}(-[2-4][0-9]{2})?)*$", var.health_check.matcher))
    error_message = "health_check.matcher must be statuses from 200 to 499, such as \"200\" or \"200-299,401\"."
  }
  validation {
    condition     = try(anytrue([for part in split(",", var.health_check.matcher) : tonumber(split("-", part)[0]) <= 200 && tonumber(reverse(split("-", part))[0]) >= 200]), false)
    error_message = "health_check.matcher must accept 200, with which the placeholder answers until the first deployment: \"200,204\"."
  }
  validation {
    condition     = var.health_check.interval >= 5 && var.health_check.interval <= 300 && var.health_check.timeout >= 2 && var.health_check.timeout < var.health_check.interval
    error_message = "health_check.interval must be 5 to 300 seconds, and timeout 2 seconds or more and shorter than the interval."
  }
  validation {
    condition     = alltrue([for n in [var.health_check.healthy_threshold, var.health_check.unhealthy_threshold] : n >= 2 && n <= 10]) && var.health_check.grace_period >= 0
    error_message = "health_check.healthy_threshold and unhealthy_threshold must be 2 to 10, and grace_period 0 or more seconds."
  }
}

variable "scaling" {
  description = "From `minimum` to `maximum` tasks, as many as keep the average CPU at `cpu_percent` and, unless it is null, the average memory at `memory_percent`. The same minimum and maximum fix the number; 0 for both stops the service and what it costs."
  type = object({
    minimum        = optional(number, 2)
    maximum        = optional(number, 6)
    cpu_percent    = optional(number, 60)
    memory_percent = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.minimum >= 0 && var.scaling.minimum <= var.scaling.maximum && floor(var.scaling.minimum) == var.scaling.minimum && floor(var.scaling.maximum) == var.scaling.maximum
    error_message = "scaling.minimum and scaling.maximum must be whole numbers, the minimum 0 or more and not above the maximum."
  }
  validation {
    condition     = alltrue([for percent in [var.scaling.cpu_percent, var.scaling.memory_percent] : percent == null || try(percent >= 10 && percent <= 90, false)])
    error_message = "scaling.cpu_percent and scaling.memory_percent must be 10 to 90; memory_percent can be null."
  }
}

variable "egress" {
  description = "Where tasks may connect to, as IPv4 ranges and TCP ports. Without 443 to ECR, S3 and CloudWatch Logs, or their VPC endpoints, no task starts."
  type = set(object({
    cidr_block  = string
    port        = number
    description = optional(string, "Chosen by the owner of the service")
  }))
  default  = [{ cidr_block = "0.0.0.0/0", port = 443, description = "HTTPS: ECR, S3, CloudWatch Logs and other APIs" }]
  nullable = false

  validation {
    condition     = alltrue([for rule in var.egress : can(cidrnetmask(rule.cidr_block)) && rule.port >= 1 && rule.port <= 65535])
    error_message = "egress must have IPv4 ranges (10.0.0.0/16) and ports from 1 to 65535."
  }
}

variable "images_kept" {
  description = "Number of images that ECR keeps; older ones expire. Keep more than you would ever roll back: a task cannot start from an image that is gone."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.images_kept >= 10 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept must be a whole number of 10 or more, so that the images in use stay."
  }
}

variable "placeholder_image" {
  description = "Image that runs until the first deployment: one with BusyBox's `sh` and `httpd`, which answers the health check."
  type        = string
  default     = "public.ecr.aws/docker/library/busybox:1.37.0"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})$", var.placeholder_image)) && !endswith(var.placeholder_image, ":latest")
    error_message = "placeholder_image must name a registry, a repository and a version (not latest): public.ecr.aws/docker/library/busybox:1.37.0."
  }
}

variable "github" {
  description = "Repository on GitHub (`repository`: owner/name) and branch that may deploy. Repositories created since 15 July 2026, and those that opted in, have ids in their tokens: set both `owner_id` and `repository_id` for them (`gh api repos/OWNER/NAME --jq '.owner.id, .id'`). For GitHub Enterprise Server set `issuer` (https://HOST/_services/token). `oidc_provider_arn` is the account's IAM OIDC provider for the issuer, null to create it: an account can have one. Null for no GitHub."
  type = object({
    repository        = string
    branch            = optional(string, "main")
    owner_id          = optional(number)
    repository_id     = optional(number)
    issuer            = optional(string, "https://token.actions.githubusercontent.com")
    audience          = optional(string, "sts.amazonaws.com")
    oidc_provider_arn = optional(string)
  })
  default = null

  validation {
    condition     = alltrue([for g in var.github[*] : can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", g.repository)) && can(regex("^[\\w./-]+$", g.branch))])
    error_message = "github.repository must be owner/name, and github.branch one branch; wildcards would trust others."
  }
  validation {
    condition     = alltrue([for g in var.github[*] : (g.owner_id == null) == (g.repository_id == null)])
    error_message = "github.owner_id and github.repository_id must be set together, or neither: tokens have both or none."
  }
  validation {
    condition     = alltrue([for g in var.github[*] : can(regex("^https://[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*$", g.issuer)) && can(regex("^[A-Za-z0-9:/._~@-]+$", g.audience))])
    error_message = "github.issuer must be https://HOST or https://HOST/PATH without a slash at the end, and github.audience one audience without wildcards."
  }
  validation {
    condition     = alltrue([for g in var.github[*] : g.oidc_provider_arn == null || try(endswith(g.oidc_provider_arn, ":oidc-provider/${trimprefix(g.issuer, "https://")}"), false)])
    error_message = "github.oidc_provider_arn must be the ARN of the provider for github.issuer: arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH."
  }
}

variable "gitlab" {
  description = "Project on GitLab (`project`: group/name, with all groups) and branch that may deploy. `issuer` is the URL of GitLab. `oidc_provider_arn` is the account's IAM OIDC provider for the issuer, null to create it: an account can have one. Null for no GitLab."
  type = object({
    project           = string
    branch            = optional(string, "main")
    issuer            = optional(string, "https://gitlab.com")
    audience          = optional(string, "sts.amazonaws.com")
    oidc_provider_arn = optional(string)
  })
  default = null

  validation {
    condition     = alltrue([for g in var.gitlab[*] : can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", g.project)) && can(regex("^[\\w./-]+$", g.branch))])
    error_message = "gitlab.project must be group/name, and gitlab.branch one branch; wildcards would trust others."
  }
  validation {
    condition     = alltrue([for g in var.gitlab[*] : can(regex("^https://[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*$", g.issuer)) && can(regex("^[A-Za-z0-9:/._~@-]+$", g.audience))])
    error_message = "gitlab.issuer must be https://HOST or https://HOST/PATH without a slash at the end, and gitlab.audience one audience without wildcards."
  }
  validation {
    condition     = alltrue([for g in var.gitlab[*] : g.oidc_provider_arn == null || try(endswith(g.oidc_provider_arn, ":oidc-provider/${trimprefix(g.issuer, "https://")}"), false)])
    error_message = "gitlab.oidc_provider_arn must be the ARN of the provider for gitlab.issuer: arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH."
  }
}

variable "azure_devops" {
  description = "Service connection on Azure DevOps that may deploy, under each of its `identities`: two while the issuer moves from vstoken.dev.azure.com to Microsoft Entra. `issuer`, `subject` and `audience` are what the connection's tokens say. A token does not name a branch: add a branch control check to the connection. `oidc_provider_arn` is the account's IAM OIDC provider for the issuer, null to create it. Null for no Azure DevOps."
  type = object({
    service_connection = string
    branch             = optional(string, "main")
    identities = map(object({
      issuer            = string
      subject           = string
      audience          = optional(string, "api://AzureADTokenExchange")
      oidc_provider_arn = optional(string)
    }))
  })
  default = null

  validation {
    condition     = alltrue([for a in var.azure_devops[*] : length(a.identities) >= 1 && alltrue([for name in keys(a.identities) : can(regex("^[a-z][a-z0-9]*$", name))])])
    error_message = "azure_devops.identities must have one identity or more, under names of lowercase letters and digits, such as entra."
  }
  validation {
    condition     = alltrue([for i in flatten([for a in var.azure_devops[*] : values(a.identities)]) : can(regex("^https://[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*$", i.issuer))])
    error_message = "azure_devops.identities: issuer must be https://HOST or https://HOST/PATH without a slash at the end, such as https://vstoken.dev.azure.com/ORGANIZATION-GUID."
  }
  validation {
    condition     = alltrue([for i in flatten([for a in var.azure_devops[*] : values(a.identities)]) : can(regex("^[^*?]+$", i.subject)) && can(regex("^[A-Za-z0-9:/._~@-]+$", i.audience))])
    error_message = "azure_devops.identities: subject and audience must be what the tokens say (sc://ORGANIZATION/PROJECT/CONNECTION), without wildcards."
  }
  validation {
    condition     = alltrue([for i in flatten([for a in var.azure_devops[*] : values(a.identities)]) : i.oidc_provider_arn == null || try(endswith(i.oidc_provider_arn, ":oidc-provider/${trimprefix(i.issuer, "https://")}"), false)])
    error_message = "azure_devops.identities: oidc_provider_arn must be the ARN of the provider for the issuer: arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH."
  }
  validation {
    condition     = alltrue([for a in var.azure_devops[*] : can(regex("^[\\w .-]+$", a.service_connection)) && can(regex("^[\\w./-]+$", a.branch))])
    error_message = "azure_devops.service_connection must be the connection's name, and azure_devops.branch one branch."
  }
}

variable "container_insights" {
  description = "Container Insights of the cluster: `enabled` for metrics of services and tasks, `enhanced` for those of containers too, `disabled` for none. CloudWatch charges for each metric."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.container_insights)
    error_message = "container_insights must be enabled, enhanced or disabled."
  }
}

variable "error_threshold" {
  description = "Answers with 5xx in a minute from which the alarms `errors` and `load-balancer-errors` are on."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.error_threshold >= 1
    error_message = "error_threshold must be 1 or more."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of failed deployments."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@\\s<>,]+@[^@\\s<>,]+$", address))])
    error_message = "notification_emails must be bare addresses such as team@example.com."
  }
}

variable "deletion_protection" {
  description = "Protect the load balancer from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the repository with the images in it."
  type        = bool
  default     = false
  nullable    = false
}
