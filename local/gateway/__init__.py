"""The one endpoint: identity, faults, the record of calls, and the control interface."""
