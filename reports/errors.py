"""What can go wrong while a report is made or checked."""

from __future__ import annotations


class ReportError(Exception):
    """Base of every error that this package raises on purpose."""


class NoAnswer(ReportError):
    """The collector did not answer a question that the report needs."""
