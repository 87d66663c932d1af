"""What can go wrong, in words for the person who has to act on it.

A message says what was expected, what came, and what to do about it.
"""

from __future__ import annotations


class WatchkeeperError(Exception):
    """Base of every error that this project raises on purpose."""


class ConfigurationError(WatchkeeperError):
    """A setting, a file or a place on disk is not usable as it stands."""


class RefusedInput(WatchkeeperError):
    """Input that breaks a stated rule; nothing of it was kept."""
