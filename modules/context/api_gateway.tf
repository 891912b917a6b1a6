# API Gateway writes the access and execution logs of all REST APIs of an account and Region with one role.
resource "aws_iam_role" "api_gateway" {
  count = var.api_gateway_logging ? 1 : 0

  name                 = "${var.name_prefix}-api-gateway-${local.region}"
  description          = "Lets API Gateway write its logs"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByApiGateway"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "apigateway.amazonaws.com" }
    }]
  })
}

# UpdateAccount refuses a role that grants less than this AWS managed policy.
resource "aws_iam_role_policy_attachment" "api_gateway" {
  count = var.api_gateway_logging ? 1 : 0

  role       = aws_iam_role.api_gateway[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count = var.api_gateway_logging ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.api_gateway[0].arn

  depends_on = [aws_iam_role_policy_attachment.api_gateway]
}
