"""Gate Terraform modules: check, test and release them, and remove what tests left behind.

`gate` is the program that the buildspecs run, in a pipeline and on any machine; `sweep` is a Lambda function. The gate
runs where Checkov is installed, whose environment has boto3; it uses nothing else that is not in Python.
"""
