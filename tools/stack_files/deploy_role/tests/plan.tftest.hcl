# Plans the roles against a mocked provider: no AWS account, no credentials.
mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/mocked" }
  }
}

variables {
  repository   = "example/our-stack"
  name_prefix  = "plan-test"
  state_bucket = "terraform-state-111122223333"
}

run "plan" {
  command = plan

  assert {
    condition = (
      length([for key, made in aws_iam_role_policy_attachment.this : key if made.role == "deploy-plan-test-plan"]) == length(local.read)
      && length(aws_iam_role_policy_attachment.this) == 2 * length(local.read) + length(local.change)
    )
    error_message = "The plan role has the policies for reads, the apply role all of them."
  }

  assert {
    condition = alltrue([
      for policy in aws_iam_policy.this : length(regexall("[$][{]", policy.policy)) == 0 && strcontains(policy.policy, ":111122223333:")
    ])
    error_message = "Every placeholder of the policies has its value."
  }

  assert {
    condition = alltrue([for role in aws_iam_role.this : alltrue([
      for statement in jsondecode(role.assume_role_policy).Statement :
      alltrue([for subject in statement.Condition.StringEquals["token.actions.githubusercontent.com:sub"] : startswith(subject, "repo:example/our-stack:")])
    ])])
    error_message = "Only jobs of the repository may assume the roles."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.state["plan"].policy, "s3:PutObject") && strcontains(aws_iam_role_policy.state["apply"].policy, "s3:PutObject")
    error_message = "The apply role writes the state; the plan role reads it."
  }
}

run "with_a_provider_and_another_backend" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    state_bucket      = null
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_role_policy.state) == 0
    error_message = "A provider that exists is used, and no bucket is named."
  }
}

run "a_prefix_that_covers_the_deploy_roles" {
  command = plan

  variables {
    name_prefix = "deploy"
  }

  expect_failures = [var.name_prefix]
}

run "a_state_bucket_that_the_stack_could_delete" {
  command = plan

  variables {
    state_bucket = "plan-test-state"
  }

  expect_failures = [var.state_bucket]
}

run "every_branch" {
  command = plan

  variables {
    branch = "*"
  }

  expect_failures = [var.branch]
}

run "every_environment" {
  command = plan

  variables {
    environment = "*"
  }

  expect_failures = [var.environment]
}

run "every_repository_of_an_owner" {
  command = plan

  variables {
    repository = "example/*"
  }

  expect_failures = [var.repository]
}

run "every_key" {
  command = plan

  variables {
    key_alias = "*"
  }

  expect_failures = [var.key_alias]
}

run "every_secret" {
  command = plan

  variables {
    secret_name = "*"
  }

  expect_failures = [var.secret_name]
}
