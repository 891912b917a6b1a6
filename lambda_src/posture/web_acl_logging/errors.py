"""Expected errors. Each message names its subject."""


class WebAclLoggingError(Exception):
    """Base of all expected errors."""


class MalformedEvent(WebAclLoggingError):
    """The function does not accept the event. Nothing was changed."""


class NotAWebAcl(WebAclLoggingError):
    """The event does not name a web ACL of AWS WAF (v2)."""


class EvaluationRefused(WebAclLoggingError):
    """AWS Config did not accept the evaluation."""
