mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "orders"
  hash_key = "OrderId"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/table"
  }

  assert {
    condition     = aws_dynamodb_table.this.name == "test-orders" && output.arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/test-orders" && output.name == "test-orders"
    error_message = "Name and ARN are derived from prefix and name."
  }
  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "The table can be restored to any second of the last 35 days."
  }
  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].enabled && aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn
    error_message = "The table is encrypted with the stack's key."
  }
  assert {
    condition     = aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST"
    error_message = "Capacity is on demand."
  }
  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "The table is protected from deletion."
  }
  assert {
    condition     = [for a in aws_dynamodb_table.this.attribute : "${a.name}:${a.type}"] == ["OrderId:S"]
    error_message = "Keys are strings by default."
  }
  assert {
    condition     = length(aws_dynamodb_table.this.ttl) == 0 && aws_dynamodb_table.this.stream_enabled == false && output.stream_arn == null
    error_message = "There is no expiry and no stream by default."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/table"
  }

  variables {
    range_key           = "CreatedAt"
    ttl_attribute       = "ExpiresAt"
    stream_view_type    = "NEW_AND_OLD_IMAGES"
    deletion_protection = false
    global_secondary_indexes = {
      ByCustomer = { hash_key = "CustomerId", range_key = "CreatedAt", projection_type = "INCLUDE", non_key_attributes = ["Status"] }
    }
  }

  assert {
    condition     = toset([for a in aws_dynamodb_table.this.attribute : "${a.name}:${a.type}"]) == toset(["OrderId:S", "CreatedAt:S", "CustomerId:S"])
    error_message = "Each key of table and indexes is declared once, as a string."
  }
  assert {
    condition     = one(aws_dynamodb_table.this.global_secondary_index).name == "ByCustomer" && one(aws_dynamodb_table.this.global_secondary_index).non_key_attributes == toset(["Status"])
    error_message = "The index is as given."
  }
  assert {
    condition     = aws_dynamodb_table.this.ttl[0].enabled && aws_dynamodb_table.this.ttl[0].attribute_name == "ExpiresAt"
    error_message = "Items expire."
  }
  assert {
    condition     = aws_dynamodb_table.this.stream_enabled && aws_dynamodb_table.this.stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "The stream is on."
  }
  assert {
    condition     = !aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "Deletion protection can be turned off."
  }
}
