# What a profiled function needs: environment variables, a layer or a package, and two permissions on its group.

locals {
  layer_arn = coalesce(var.layer_arn, "arn:aws:lambda:${var.context.region}:157417159150:layer:AWSCodeGuruProfilerPythonAgentLambdaLayer:11")

  wiring = {
    for key, function in var.functions : key => {
      group_arn  = local.groups[key].arn
      layer_arns = function.agent == "layer" ? [local.layer_arn] : []
      environment = merge(
        { AWS_CODEGURU_PROFILER_GROUP_ARN = local.groups[key].arn },
        function.agent == "layer" ? { AWS_LAMBDA_EXEC_WRAPPER = "/opt/codeguru_profiler_lambda_exec" } : {},
      )
      # In the form that modules/blocks/functions takes.
      policy_statements = [{
        sid       = "SendProfiles"
        actions   = ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"]
        resources = [local.groups[key].arn]
      }]
      policy_json = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid      = "SendProfiles"
          Effect   = "Allow"
          Action   = ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"]
          Resource = [local.groups[key].arn]
        }]
      })
    }
  }
}

# AWS's managed policy AmazonCodeGuruProfilerAgentAccess allows the same on every group, and creates groups.
resource "aws_iam_role_policy" "agent" {
  for_each = { for key, function in var.functions : key => function if function.role_name != null }

  name   = "${local.groups[each.key].name}-profiling"
  role   = each.value.role_name
  policy = local.wiring[each.key].policy_json
}
