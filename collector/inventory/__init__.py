"""What agents are made of: what is registered, against what was observed.

Rows and text go in, rows and documents come out. Nothing here reads a clock, a file or a database.
"""
