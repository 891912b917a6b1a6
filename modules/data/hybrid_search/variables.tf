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

variable "data_nodes" {
  description = "Data nodes: `family` (`or1`, whose data is also in S3 and survives the loss of all nodes; `r7g` or `m7g` for the usual ones), `size`, `count`, the number of Availability `zones` that they are spread over (1 to 3), and the storage of each (`volume_gib`)."
  type = object({
    family     = optional(string, "or1")
    size       = optional(string, "medium")
    count      = optional(number, 2)
    zones      = optional(number, 2)
    volume_gib = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["or1", "r7g", "m7g"], var.data_nodes.family)
    error_message = "data_nodes.family must be or1, r7g or m7g."
  }
  validation {
    condition     = contains(["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"], var.data_nodes.size)
    error_message = "data_nodes.size must be medium, large, xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge or 16xlarge."
  }
  validation {
    condition     = contains([1, 2, 3], var.data_nodes.zones) && var.data_nodes.count >= 1 && var.data_nodes.count <= 80 && var.data_nodes.count % var.data_nodes.zones == 0
    error_message = "data_nodes.zones must be 1, 2 or 3, and data_nodes.count a multiple of it, at most 80: each zone gets the same number of nodes."
  }
  validation {
    condition     = var.data_nodes.volume_gib >= 20 && var.data_nodes.volume_gib <= 12288 && floor(var.data_nodes.volume_gib) == var.data_nodes.volume_gib
    error_message = "data_nodes.volume_gib must be a whole number of 20 or more. AWS limits it by the node's size."
  }
}

variable "dedicated_managers" {
  description = "Nodes that only manage the cluster: `instance_type`, which cannot be an OpenSearch Optimized one (such as or1), and `count` (3 or 5). Null for none: the data nodes manage it. AWS recommends 3 for production."
  type = object({
    instance_type = optional(string, "m7g.medium.search")
    count         = optional(number, 3)
  })
  default = null

  validation {
    condition     = alltrue([for nodes in var.dedicated_managers[*] : can(regex("^[a-z0-9]+\\.[a-z0-9]+\\.search$", nodes.instance_type)) && !can(regex("^o[a-z]\\d", nodes.instance_type))])
    error_message = "dedicated_managers.instance_type must be an instance type such as m7g.medium.search; OpenSearch Optimized ones (or1, or2, om2, oi2) can only be data nodes."
  }
  validation {
    condition     = alltrue([for nodes in var.dedicated_managers[*] : contains([3, 5], nodes.count)])
    error_message = "dedicated_managers.count must be 3 or 5, so that a majority is left when one fails."
  }
}

variable "engine_version" {
  description = "Version of OpenSearch: 2.19 or later, which can page through hybrid results."
  type        = string
  default     = "2.19"
  nullable    = false

  validation {
    condition     = can(regex("^(2\\.(19|[2-9][0-9])|[3-9]\\.[0-9]+)$", var.engine_version))
    error_message = "engine_version must be 2.19 or later, such as \"2.19\" or \"3.1\": earlier ones cannot page through hybrid results."
  }
}

variable "embedding" {
  description = "The model that turns texts and queries into vectors: `bedrock_model`, a model ID of Amazon Titan Text Embeddings V2 (your account needs access to it), or `sagemaker_endpoint`, the name of your own endpoint, which takes a JSON list of texts and returns a list of vectors. `dimensions` of the vectors: 256, 512 or 1024 for Titan. The bootstrap embeds a text and fails if the model returns others."
  type = object({
    bedrock_model      = optional(string, "amazon.titan-embed-text-v2:0")
    sagemaker_endpoint = optional(string)
    dimensions         = optional(number, 512)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^amazon\\.titan-embed-text-v2:[0-9]+$", var.embedding.bedrock_model))
    error_message = "embedding.bedrock_model must be a model ID of Amazon Titan Text Embeddings V2, such as amazon.titan-embed-text-v2:0. Others take other requests: put them behind a SageMaker endpoint."
  }
  validation {
    condition     = var.embedding.sagemaker_endpoint == null || can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", var.embedding.sagemaker_endpoint))
    error_message = "embedding.sagemaker_endpoint must be the name of an endpoint, not its ARN."
  }
  validation {
    condition     = var.embedding.sagemaker_endpoint == null ? contains([256, 512, 1024], var.embedding.dimensions) : var.embedding.dimensions >= 1 && var.embedding.dimensions <= 16000 && floor(var.embedding.dimensions) == var.embedding.dimensions
    error_message = "embedding.dimensions must be 256, 512 or 1024 for Titan, and a whole number from 1 to 16000 for a SageMaker endpoint."
  }
}

variable "index" {
  description = "Name of the index, and of the pipelines and roles for it. The mapping of an index cannot be changed: after another model, dimension or type of field, set a new name and load the documents again."
  type        = string
  default     = "products"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,49}$", var.index))
    error_message = "index must have 1 to 50 lowercase letters, digits and hyphens, and begin with a letter."
  }
}

variable "text_field" {
  description = "Field of the documents that is searched, by its words and by its vector."
  type        = string
  default     = "caption"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,49}$", var.text_field)) && var.text_field != "id"
    error_message = "text_field must have 1 to 50 lowercase letters, digits and underscores, begin with a letter, and not be id."
  }
}

variable "filter_fields" {
  description = "Fields that searches can filter by, with their type: `keyword`, `boolean`, `integer`, `float` or `date`. A field can be added later; documents need to be loaded again to have it. Other fields of a document are stored and returned."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for kind in values(var.filter_fields) : contains(["keyword", "boolean", "integer", "float", "date"], kind)])
    error_message = "filter_fields must have the types keyword, boolean, integer, float or date."
  }
  validation {
    condition     = alltrue([for name in keys(var.filter_fields) : can(regex("^[a-z][a-z0-9_]{0,49}$", name)) && !contains(["id", var.text_field, "${var.text_field}_embedding"], name)])
    error_message = "filter_fields must have names of 1 to 50 lowercase letters, digits and underscores, other than id, the text_field and its embedding."
  }
}

variable "shards" {
  description = "Primary shards of the index: about one for each 10 to 30 GiB. It cannot be changed for an index."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.shards >= 1 && var.shards <= 100 && floor(var.shards) == var.shards
    error_message = "shards must be a whole number from 1 to 100."
  }
}

variable "refresh_seconds" {
  description = "Seconds until a loaded document can be found. Null for the usual: 10 on or1 nodes, else 1."
  type        = number
  default     = null

  validation {
    condition     = var.refresh_seconds == null || try(var.refresh_seconds >= (startswith(var.data_nodes.family, "or") ? 10 : 1) && floor(var.refresh_seconds) == var.refresh_seconds, false)
    error_message = "refresh_seconds must be a whole number of 1 or more; of 10 or more with or1 nodes, whose copies follow through S3."
  }
}

variable "vector_weight" {
  description = "Weight of meaning in hybrid searches that name none, from 0 to 1; the rest of 1 is the weight of words."
  type        = number
  default     = 0.7
  nullable    = false

  validation {
    condition     = var.vector_weight >= 0 && var.vector_weight <= 1
    error_message = "vector_weight must be a number from 0 to 1."
  }
}

variable "minimum_scores" {
  description = "Floors of relevance, on the raw scores of each sub-query: `lexical` (BM25, from 0 up) and `vector` (1 / (1 + squared distance), 0 to 1). 0 for none. Normalisation gives 1.0 to a single hit, however weak, so that a floor on combined scores would keep it."
  type = object({
    lexical = optional(number, 0)
    vector  = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.minimum_scores.lexical >= 0 && var.minimum_scores.vector >= 0 && var.minimum_scores.vector < 1
    error_message = "minimum_scores must be 0 or more, and minimum_scores.vector less than 1."
  }
}

variable "depth" {
  description = "Number of documents of each sub-query that are combined, and the end of the last page. It stays the same from page to page, so that their order does."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.depth >= 50 && var.depth <= 10000 && floor(var.depth) == var.depth
    error_message = "depth must be a whole number from 50 to 10000."
  }
}

variable "public" {
  description = "Let the public search: `POST /search` needs no signature, and a search page is at the API's `/`. Otherwise requests must be signed with AWS credentials that may `execute-api:Invoke`, and there is no page. The domain itself is never public."
  type        = bool
  default     = false
  nullable    = false
}

variable "throttle" {
  description = "Searches per second (`rate_limit`) and at once (`burst_limit`) that the API accepts from all callers together. Each search by meaning calls the model once."
  type = object({
    rate_limit  = optional(number, 20)
    burst_limit = optional(number, 40)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0
    error_message = "throttle.rate_limit and throttle.burst_limit must be more than 0: 0 refuses every search."
  }
}

variable "web_acl_arn" {
  description = "ARN of a Regional AWS WAF web ACL to associate with the API's stage, such as one with a rate-based rule; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:${var.context.partition}:wafv2:${var.context.region}:[0-9]{12}:regional/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a Regional web ACL in the stack's Region."
  }
}

variable "expiration_days" {
  description = "Days after which documents and reports in the bucket are deleted; null keeps them. The index keeps its documents."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 1 or more, or null to keep them."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the documents in it. The domain is deleted in any case."
  type        = bool
  default     = false
  nullable    = false
}

variable "wait" {
  description = "How long Terraform waits for AWS to `create`, `update` and `delete` the domain. AWS takes 15 to 30 minutes to create one, and hours to move a large one to other nodes."
  type = object({
    create = optional(string, "90m")
    update = optional(string, "3h")
    delete = optional(string, "90m")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for time in values(var.wait) : can(regex("^([0-9]+(h|m|s))+$", time))])
    error_message = "wait must have durations such as \"90m\" or \"1h30m\"."
  }
}
