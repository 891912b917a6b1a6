"""Alarms on the health of services: symptoms and causes of functions, APIs, tables, queues, workflows and topics."""
