# What validations use; it depends on no variable that a validation with it belongs to.

locals {
  address = "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"

  # The addresses, in lower case, that a receipt rule for `recipients` matches: an address with any label, everyone of a
  # domain, everyone of a subdomain. https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
  escaped = [for recipient in var.recipients : replace(recipient, "/([^a-z0-9@-])/", "\\$1")]
  routed  = "^(${join("|", [for r in local.escaped : strcontains(r, "@") ? replace(r, "@", "(\\+[^@]*)?@") : startswith(r, "\\.") ? "[^@]+@[^@]+${r}" : "[^@]+@${r}"])})$"
}
