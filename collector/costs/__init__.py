"""What model calls cost: prices as dated data, and budgets in money.

Prices and budgets go in as text, sums go out. Nothing here reads a clock, a database or, but for
the list that comes with the package, a file.
"""
