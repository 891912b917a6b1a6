resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_28:A web ACL is a decision of its own, associated by the load balancer's ARN (output)
  name                       = local.name
  load_balancer_type         = "application"
  internal                   = var.load_balancer.internal
  subnets                    = var.load_balancer.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  idle_timeout               = var.load_balancer.idle_timeout
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  tags                       = var.context.tags

  access_logs {
    bucket  = var.context.access_log_bucket
    prefix  = "load-balancers/${local.name}"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  # checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the tasks accept connections from its security group only
  name                 = local.name
  target_type          = "ip"
  port                 = var.container.port
  protocol             = "HTTP"
  vpc_id               = var.vpc_id
  deregistration_delay = var.load_balancer.deregistration_delay
  tags                 = var.context.tags

  health_check {
    path                = var.health_check.path
    matcher             = var.health_check.matcher
    interval            = var.health_check.interval
    timeout             = var.health_check.timeout
    healthy_threshold   = var.health_check.healthy_threshold
    unhealthy_threshold = var.health_check.unhealthy_threshold
  }
}

resource "aws_lb_listener" "https" {
  # checkov:skip=CKV_AWS_103:ssl_policy accepts no policy below TLS 1.2; Checkov does not resolve the object
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = var.load_balancer.ssl_policy
  certificate_arn   = var.load_balancer.certificate_arn
  tags              = var.context.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  tags              = var.context.tags

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
