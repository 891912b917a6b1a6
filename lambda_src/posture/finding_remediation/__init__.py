"""Remediate Security Hub findings: a registry of remediations, and one function for each deployed remediation."""
