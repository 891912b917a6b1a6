"""Rotation of KMS keys: `report` gathers evidence of every customer key, `rotate` rotates one on demand, guarded."""
