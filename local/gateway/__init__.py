"""The one endpoint: identity, faults, the record of calls, the control interface."""
