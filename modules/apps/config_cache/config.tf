# What each function may read: the configuration that its extension gets, and the ARNs that its role may read.

locals {
  # The key of the function with access to everything, which the check uses.
  everything = {
    parameters = keys(var.parameters)
    secrets    = keys(var.secrets)
    items      = keys(var.items)
  }
  profiles = {
    for key, f in var.functions : key => {
      parameters = sort(tolist(f.parameters))
      secrets    = sort(tolist(f.secrets))
      items      = sort(tolist(f.items))
    }
  }
  known = merge(local.profiles, { " check" = local.everything })

  parameter_arns = {
    for name, p in var.parameters : name => startswith(coalesce(p.parameter, name), "arn:") ? coalesce(p.parameter, name) : "arn:${var.context.partition}:ssm:${var.context.region}:${var.context.account_id}:parameter/${trimprefix(coalesce(p.parameter, name), "/")}"
  }

  parameters = {
    for name, p in var.parameters : name => merge(
      { name = coalesce(p.parameter, name), region = split(":", local.parameter_arns[name])[3] },
      p.ttl_seconds != null ? { ttl = p.ttl_seconds } : {},
    )
  }
  secrets = {
    for name, s in var.secrets : name => merge(
      { id = s.arn, region = split(":", s.arn)[3], stage = s.version_stage },
      s.ttl_seconds != null ? { ttl = s.ttl_seconds } : {},
    )
  }
  items = {
    for name, i in var.items : name => merge(
      {
        # Another account's table is named by its ARN.
        table      = split(":", i.table_arn)[4] == var.context.account_id ? split("/", i.table_arn)[1] : i.table_arn
        region     = split(":", i.table_arn)[3]
        key        = { for key in [i.partition_key, i.sort_key] : key.name => { (key.type) = key.value } if key != null }
        consistent = i.consistent
      },
      length(i.fields) > 0 ? { fields = i.fields } : {},
      i.ttl_seconds != null ? { ttl = i.ttl_seconds } : {},
    )
  }

  # Characters that each name takes in a configuration.
  sizes = {
    parameters = { for name, one in local.parameters : name => length(jsonencode({ (name) = one })) }
    secrets    = { for name, one in local.secrets : name => length(jsonencode({ (name) = one })) }
    items      = { for name, one in local.items : name => length(jsonencode({ (name) = one })) }
  }

  config_json = {
    for key, profile in local.known : key => jsonencode({
      parameters = { for name in profile.parameters : name => local.parameters[name] if contains(keys(var.parameters), name) }
      secrets    = { for name in profile.secrets : name => local.secrets[name] if contains(keys(var.secrets), name) }
      dynamodb   = { for name in profile.items : name => local.items[name] if contains(keys(var.items), name) }
    })
  }
}
