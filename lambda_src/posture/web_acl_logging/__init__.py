"""Enable logging for web ACLs that do not log: one function evaluates them for AWS Config, another remediates them."""
