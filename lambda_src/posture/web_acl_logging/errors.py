"""What can go wrong and is expected; each message says what it is about."""


class WebAclLoggingError(Exception):
    """Base of all of them."""


class MalformedEvent(WebAclLoggingError):
    """Not an event that the function is for; nothing was changed."""


class NotAWebAcl(WebAclLoggingError):
    """What the event names is no web ACL of AWS WAF (v2)."""


class EvaluationRefused(WebAclLoggingError):
    """AWS Config did not take the evaluation."""
