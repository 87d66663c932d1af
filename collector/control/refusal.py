"""A request that control does not carry out, in words for the person who made it."""

from __future__ import annotations

from collector.errors import RefusedInput


class Refusal(RefusedInput):
    """Carries the HTTP status, a stable code and the field that is wrong, if one is."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        return {"error": {"code": self.code, "message": str(self), "field": self.field}}


def wrong(field: str, message: str) -> Refusal:
    """A field of the body breaks a rule."""
    return Refusal(400, "invalid", f"{field}: {message}", field)
