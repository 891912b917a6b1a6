"""Rotation of KMS keys: `report` collects evidence of every customer key, `rotate` safely rotates one on demand."""
