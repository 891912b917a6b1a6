"""Readings of devices in Kafka: `keep` holds the latest state of each, `watch` finds the ones that fell silent.

`records` reads what Lambda delivers, `readings` what a device sends, `states` and `silence` are the table.
"""
