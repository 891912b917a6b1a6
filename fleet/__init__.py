"""Many accounts and Regions from one YAML file: one Terraform root for each target, planned and applied in order.

    python -m fleet check|synth|plan|apply FILE

`document` reads the file with the position of each value, `schema` says what it can have, `targets` resolves it to
targets, `roots` writes the roots that `synth` composes with CDK Terrain, and `deploy` runs Terraform in them.
"""
