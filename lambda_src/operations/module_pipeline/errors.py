"""Expected errors of the gate. Each message says what is wrong with a module or its build, and what to do."""


class GateError(Exception):
    """A build that cannot be judged, or a module that is refused as a whole."""


class ToolMissing(GateError):
    """A program that the build image must have is not on PATH."""


class VersionTaken(GateError):
    """The version was already released, with other content."""


class SweepIncomplete(GateError):
    """Resources of a test could not be removed."""
