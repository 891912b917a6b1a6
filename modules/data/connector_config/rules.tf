# What configurations may contain. The review function reads `rules` too, for connectors that are not from here: the
# patterns keep to the syntax that RE2 and Python share. Validations repeat what they list in their messages: a local
# that depends on a variable cannot be read by its validations.

locals {
  rules = {
    # A property with such a name has a secret for a value…
    secret_names = "(?i)(password|passwd|passphrase|secret|credential|token|api[._-]?key|access[._-]?key|private[._-]?key|jaas)"
    # …unless its end says that it names, locates or times the secret.
    plain_names = "(?i)[.](class|source|ttl[.]ms|ms|prefix|type|enabled?|id|arn|name|location|path|file|region|provider|algorithm|alias)$"
    # Names that users choose for providers and transformations say nothing about the value.
    chosen_names = "^(config[.]providers|transforms|predicates)[.][^.]+[.]"
    # What Kafka replaces: the value of a key, at a path, of a provider.
    placeholder       = "^[$][{][^{}:$]+:[^{}$]+[}]$"
    inner_placeholder = "[$][{][^{}:$]+:[^{}$]+[}]"
    # Values that are secrets whatever their property: keys of AWS, private keys, JSON Web Tokens, tokens of GitHub and
    # Slack, user:password@ in a URL, and password=… in connection strings and JAAS.
    secret_values = join("|", [
      "(AKIA|ASIA)[A-Z0-9]{16}",
      "-----BEGIN [A-Z ]*PRIVATE KEY",
      "eyJ[A-Za-z0-9_-]{8,}[.][A-Za-z0-9_-]{8,}[.]",
      "gh[pousr]_[A-Za-z0-9]{20,}",
      "xox[baprs]-[A-Za-z0-9-]{10,}",
      "://(?:[^/@:\\s{]*|[$][{][^{}]*[}]):(?:[^/@\\s$]|[$][^{])[^/@\\s]*@",
      "(?i:password|passwd|pwd|secret|token|api[_-]?key|accountkey|accesskey)\\s*=\\s*[\"']?(?:[^\\s\"'$;&,]|[$][^{])",
    ])
    # A provider that schedules a restart of the connector when a secret's time to live ends: 5 minutes by default.
    # https://github.com/jcustenborder/kafka-config-provider-aws/issues/9
    restarting_provider = "^com[.]github[.]jcustenborder[.]kafka[.]config[.]aws[.]SecretsManagerConfigProvider$"
  }

  # https://docs.aws.amazon.com/msk/latest/developerguide/msk-connect-supported-worker-config-properties.html
  producer_properties = [
    "acks", "batch.size", "buffer.memory", "compression.type", "enable.idempotence", "key.serializer", "linger.ms",
    "max.request.size", "metadata.max.age.ms", "metadata.max.idle.ms", "partitioner.class", "reconnect.backoff.max.ms",
    "reconnect.backoff.ms", "request.timeout.ms", "retry.backoff.ms", "value.serializer",
  ]
  consumer_properties = [
    "allow.auto.create.topics", "auto.offset.reset", "check.crcs", "fetch.max.bytes", "fetch.max.wait.ms",
    "fetch.min.bytes", "heartbeat.interval.ms", "key.deserializer", "max.partition.fetch.bytes", "max.poll.interval.ms",
    "max.poll.records", "metadata.max.age.ms", "partition.assignment.strategy", "reconnect.backoff.max.ms",
    "reconnect.backoff.ms", "request.timeout.ms", "retry.backoff.ms", "session.timeout.ms", "value.deserializer",
  ]
  refused_properties = join("", [
    "^((access[.]control|admin|client|connect|inter[.]worker|internal|listeners[.]https|metrics|rest|sasl|security|socket|ssl|topic[.]tracking|worker)[.]",
    "|(bootstrap[.]servers|config[.]storage[.]topic|connections[.]max[.]idle[.]ms|connector[.]client[.]config[.]override[.]policy|group[.]id|listeners",
    "|metric[.]reporters|plugin[.]path|receive[.]buffer[.]bytes|response[.]http[.]headers[.]config|scheduled[.]rebalance[.]max[.]delay[.]ms",
    "|send[.]buffer[.]bytes|status[.]storage[.]topic)$)",
  ])
  # The other properties of a distributed worker that MSK Connect accepts; others are misspelt, or need `unlisted_properties`.
  # https://kafka.apache.org/documentation/#connectconfigs
  known_properties = join("", [
    "^((key|value|header)[.]converter([.].+)?",
    "|config[.]providers([.].+)?",
    "|offset[.](storage[.].+|flush[.](interval|timeout)[.]ms)",
    "|exactly[.]once[.]source[.]support|topic[.]creation[.]enable|task[.]shutdown[.]graceful[.]timeout[.]ms",
    "|(session|rebalance|request)[.]timeout[.]ms|heartbeat[.]interval[.]ms|metadata[.]max[.]age[.]ms",
    "|(retry|reconnect)[.]backoff([.]max)?[.]ms)$",
  ])
  class_name    = "^[A-Za-z_][A-Za-z0-9_$]*([.][A-Za-z_][A-Za-z0-9_$]*)+$"
  property_name = "^[A-Za-z0-9][A-Za-z0-9_.$-]*$"
  misspelt      = "^(connector[.]classs|connectors?[.]class[.]name|(max[.]tasks?|task[.]max|tasks?_max))$"
  # Security settings of a connector's own clients would replace those that MSK Connect sets for the cluster.
  overrides = "^(producer|consumer|admin)[.]override[.](bootstrap[.]servers$|sasl[.]|security[.]|ssl[.])"

  # Providers in config.providers, by worker configuration.
  providers = {
    for name, w in var.worker_configurations : name => [for one in split(",", lookup(w.properties, "config.providers", "")) : trimspace(one)]
  }
}
