"""Sample agents and sample history: real OTLP from real frameworks, with fake models.

Everything sent from here carries the resource attribute `watchkeeper.sample` = true.
"""
