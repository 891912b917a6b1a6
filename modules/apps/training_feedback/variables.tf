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

variable "topics" {
  description = "Topics that the bot offers, in lower case as in the table of the material, each with the other words that learners use for it."
  type        = map(set(string))
  nullable    = false

  validation {
    condition     = length(var.topics) > 0 && alltrue([for topic in keys(var.topics) : can(regex("^[a-z0-9]+([ '-][a-z0-9]+)*$", topic)) && length(topic) <= 100])
    error_message = "topics must have at least one name of up to 100 lowercase letters, digits, and single spaces, hyphens or apostrophes between them, such as \"alarm limits\"."
  }
  validation {
    condition     = alltrue(flatten([for topic, synonyms in var.topics : [for synonym in synonyms : trimspace(synonym) != "" && length(synonym) <= 140]]))
    error_message = "topics: a synonym must have 1 to 140 characters."
  }
  validation {
    condition     = length(distinct([for word in concat(keys(var.topics), flatten([for synonyms in var.topics : tolist(synonyms)])) : lower(word)])) == length(concat(keys(var.topics), flatten([for synonyms in var.topics : tolist(synonyms)])))
    error_message = "topics: each name and synonym must stand for one topic only; Lex builds no bot with a word that stands for two."
  }
}

variable "levels" {
  description = "Levels of the material, from the easiest, at which every learner begins, to the hardest, in lower case."
  type        = list(string)
  default     = ["beginner", "intermediate", "advanced"]
  nullable    = false

  validation {
    condition     = length(var.levels) > 0 && length(distinct(var.levels)) == length(var.levels) && alltrue([for level in var.levels : can(regex("^[a-z0-9]+([ '-][a-z0-9]+)*$", level)) && length(level) <= 100])
    error_message = "levels must have at least one name, each once, of up to 100 lowercase letters, digits, and single spaces or hyphens between them."
  }
}

variable "locales" {
  description = "Languages of the bot: `en_US`, `es_US`. Names of topics and levels are the same in all."
  type        = set(string)
  default     = ["en_US"]
  nullable    = false

  validation {
    condition     = length(var.locales) > 0 && length(setsubtract(var.locales, ["en_US", "es_US"])) == 0
    error_message = "locales must contain en_US, es_US or both. For another language, add its file to locales/ and its sentences to texts.py."
  }
}

variable "speech" {
  description = "Let the page read answers aloud with Amazon Polly: `voices` are neural voices by locale, where the default (Joanna, Lupe) does not fit. Null for text only."
  type = object({
    voices = optional(map(string), {})
  })
  default = null

  validation {
    condition     = alltrue([for speech in var.speech[*] : length(setsubtract(keys(speech.voices), var.locales)) == 0])
    error_message = "speech: voices must be by locale, and each locale one of locales."
  }
}

variable "child_directed" {
  description = "Whether the training is directed at children under 13 (COPPA). Lex asks each bot for it."
  type        = bool
  default     = false
  nullable    = false
}

variable "session_seconds" {
  description = "Seconds after which Lex forgets a conversation in which nothing was said."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.session_seconds >= 60 && var.session_seconds <= 86400 && floor(var.session_seconds) == var.session_seconds
    error_message = "session_seconds must be a whole number between 60 and 86400 (a day)."
  }
}

variable "health_categories" {
  description = "Categories of Amazon Comprehend Medical whose words are replaced in what is stored. An empty set stores health data; do that in a Region without Comprehend Medical, or where learners never meet patients."
  type        = set(string)
  default     = ["MEDICAL_CONDITION", "MEDICATION", "PROTECTED_HEALTH_INFORMATION"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.health_categories, ["ANATOMY", "BEHAVIORAL_ENVIRONMENTAL_SOCIAL", "MEDICAL_CONDITION", "MEDICATION", "PROTECTED_HEALTH_INFORMATION", "TEST_TREATMENT_PROCEDURE", "TIME_EXPRESSION"])) == 0
    error_message = "health_categories must be categories of DetectEntitiesV2, such as PROTECTED_HEALTH_INFORMATION, MEDICAL_CONDITION and MEDICATION."
  }
}

variable "minimum_phrase_score" {
  description = "Score from which on a key phrase is kept."
  type        = number
  default     = 0.8
  nullable    = false

  validation {
    condition     = var.minimum_phrase_score >= 0 && var.minimum_phrase_score <= 1
    error_message = "minimum_phrase_score must be between 0 and 1."
  }
}

variable "retention_days" {
  description = "Days after which feedback is deleted."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number between 1 and 3650."
  }
}

variable "learner_days" {
  description = "Days after which the level of a learner is forgotten, counted from the feedback that set it."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.learner_days >= 1 && var.learner_days <= 3650 && floor(var.learner_days) == var.learner_days
    error_message = "learner_days must be a whole number between 1 and 3650."
  }
}

variable "user_pool" {
  description = "User pool of the learners, and its app client without a secret that allows USER_PASSWORD_AUTH, such as one of user_directory. Null creates a pool whose users an administrator adds."
  type = object({
    id        = string
    client_id = string
  })
  default = null

  validation {
    condition     = alltrue([for pool in var.user_pool[*] : can(regex("^[a-z0-9-]+_[A-Za-z0-9]+$", pool.id)) && trimspace(pool.client_id) != ""])
    error_message = "user_pool needs the id of a pool, such as eu-west-1_Ab12Cd34E, and the id of an app client."
  }
}

variable "page" {
  description = "Serve the learners' page. Without it, a client of your own uses the identity pool."
  type        = bool
  default     = true
  nullable    = false
}

variable "quicksight" {
  description = "Create a data source and a dataset in QuickSight, whose subscription must exist. `owner_arns` are the users or groups who own them; `service_role_name` is the role that QuickSight uses for Athena, which gets the permissions to query (empty if another policy grants them); `refresh_time` and `refresh_time_zone` say when SPICE loads the data each day; `direct_query` asks Athena each time, without SPICE. Null for none."
  type = object({
    owner_arns        = set(string)
    service_role_name = optional(string, "aws-quicksight-service-role-v0")
    refresh_time      = optional(string, "04:00")
    refresh_time_zone = optional(string, "UTC")
    direct_query      = optional(bool, false)
  })
  default = null

  validation {
    condition     = alltrue([for q in var.quicksight[*] : length(q.owner_arns) > 0 && alltrue([for arn in q.owner_arns : can(regex("^arn:[a-z-]+:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/[^/]+/.+$", arn))])])
    error_message = "quicksight: owner_arns needs at least one ARN of a user or group of QuickSight, such as arn:aws:quicksight:us-east-1:111122223333:user/default/ann (aws quicksight list-users)."
  }
  validation {
    condition     = alltrue([for q in var.quicksight[*] : can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", q.refresh_time))])
    error_message = "quicksight: refresh_time must be a time of day such as \"04:00\"."
  }
}

variable "query_limit_mib" {
  description = "Mebibytes that a query may scan before Athena stops it."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.query_limit_mib >= 10 && floor(var.query_limit_mib) == var.query_limit_mib
    error_message = "query_limit_mib must be a whole number of 10 or more, the least that Athena accepts."
  }
}

variable "deletion_protection" {
  description = "Protect the tables and the user pool from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the feedback in it."
  type        = bool
  default     = false
  nullable    = false
}
