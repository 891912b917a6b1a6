"""What can go wrong, by name."""


class NothingRead(Exception):
    """No profiling group could be read. The message has the reason for each."""


class ReportChanged(Exception):
    """Another review wrote the report after this one had read it. A retry starts from the new report."""
