"""Signed reports: facts are asked for, rendered to PDF/A, signed, and verified offline."""
