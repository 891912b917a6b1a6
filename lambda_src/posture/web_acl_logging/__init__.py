"""Web ACLs that do not log get logging: one function judges them for AWS Config, another puts it right."""
