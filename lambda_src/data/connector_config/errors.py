"""What can go wrong, by name."""


class Incomplete(Exception):
    """AWS refused or failed a part of the review, which the message names. The rest is in the report."""


class InvalidDeclaration(Exception):
    """The object in which Terraform declares the stack's connectors cannot be read. Apply the stack again."""
