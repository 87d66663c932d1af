"""Verification by a stranger, offline: `watchkeeper verify FILE`.

Numbered as ETSI EN 319 102-1 thinks of it, with what other viewers leave out:
 1. there is exactly one signature, and it certifies the document
 2. the bytes it covers are the bytes that were signed
 3. it covers the whole file, and nothing was added after it
 4. it permits no change, and none was made
 5. the signature itself is written the one way it is sealed: no bit of the file is free
 6. its certificate leads to the root that the reader trusts
Exit status: 0 valid, 1 invalid, 2 intact but sealed by somebody you did not name,
3 not decided, because the root you named cannot be used.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asn1crypto.cms import ContentInfo
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from reports.errors import ReportError
from reports.sign import fingerprint

VALID, INVALID, UNKNOWN_SIGNER, UNUSABLE_ROOT = 0, 1, 2, 3


@dataclass(frozen=True)
class Check:
    """One step of the verification and how it went."""

    passed: bool
    what: str


@dataclass(frozen=True)
class Verdict:
    """The steps, and what they come to."""

    checks: tuple[Check, ...]
    trusted: bool

    @property
    def status(self) -> int:
        if not all(check.passed for check in self.checks):
            return INVALID
        return VALID if self.trusted else UNKNOWN_SIGNER


def verify(pdf: bytes, root: Path | None) -> Verdict:
    """Check a signed report against a root certificate, without any network.

    Raises ReportError when the root is named but cannot be used: that says nothing of the file.
    """
    try:
        return _verify(pdf, root)
    except ReportError:
        raise
    except Exception as error:  # a stranger's file may break any part of the parser
        broken = Check(False, f"the file cannot be read as a signed PDF: {error}")
        return Verdict((broken,), trusted=False)


def _verify(pdf: bytes, root: Path | None) -> Verdict:
    signatures = list(PdfFileReader(io.BytesIO(pdf), strict=False).embedded_signatures)
    if len(signatures) != 1:
        found = f"expected one signature, found {len(signatures)}"
        return Verdict((Check(False, found),), trusted=False)
    roots = [certificate(root)] if root else []
    context = ValidationContext(
        trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail"
    )
    status = validate_pdf_signature(signatures[0], signer_validation_context=context)
    trusted = bool(status.trusted)
    # Under a root that is not this one's, the copy of its own root is nobody's to judge.
    certificates = [signatures[0].signer_cert, *roots] if trusted else None
    is_sealed = _is_written_as_sealed(pdf, signatures[0], certificates)
    checks = (
        *_checks(signatures[0], status),
        Check(is_sealed, "the signature is written as it was sealed"),
    )
    return Verdict(checks, trusted=trusted)


def _is_written_as_sealed(pdf: bytes, signature: Any, certificates: list[Any] | None) -> bool:
    """What the signature cannot cover, its own fields (RFC 5652, 5.1 and 5.3), is fixed.

    Upper-case hex digits, DER, and zeros up to the end; one signer and one digest, each in
    version 1; only the certificates that were given, to the bit.
    """
    _, before, after, _ = (int(bound) for bound in signature.byte_range)
    written = pdf[before + 1 : after - 1]
    content = ContentInfo.load(bytes.fromhex(written.decode("ascii")))
    signed = content["content"]
    [signer] = signed["signer_infos"]
    given = {each.dump() for each in certificates or ()}
    canonical = content.dump(force=True).hex().upper().ljust(len(written), "0").encode()
    return (
        written == canonical
        and signed["version"].native == signer["version"].native == "v1"
        and [each.dump() for each in signed["digest_algorithms"]]
        == [signer["digest_algorithm"].dump()]
        and (certificates is None or all(each.dump() in given for each in signed["certificates"]))
    )


def certificate(root: Path) -> Any:
    """The root certificate; ReportError when the file is missing or is none."""
    try:
        return load_cert_from_pemder(str(root))
    except OSError as error:
        raise ReportError(
            f"cannot read the root certificate {root} ({error.strerror}): name another with --root"
        ) from error
    except Exception as error:  # the library raises whatever its parsers raise
        raise ReportError(
            f"{root} is not a root certificate in PEM or DER: name another with --root"
        ) from error


def _checks(signature: Any, status: Any) -> Iterator[Check]:
    certifies = signature.docmdp_level is MDPPerm.NO_CHANGES
    yield Check(certifies, "the signature certifies the document and permits no change")
    yield Check(status.intact and status.valid, "the signed bytes are unchanged")
    whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    yield Check(whole, "the signature covers the whole file")
    untouched = status.modification_level in (None, ModificationLevel.NONE) and bool(
        status.docmdp_ok
    )
    yield Check(untouched, "nothing was changed after signing")


def report(verdict: Verdict, root: Path | None) -> str:
    """The verdict as a person reads it."""
    lines = [f"  {'ok ' if check.passed else 'NO '} {check.what}" for check in verdict.checks]
    if verdict.status == INVALID:
        return "\n".join(["INVALID", *lines])
    if verdict.status == UNKNOWN_SIGNER:
        hint = "name its root certificate with --root root.pem to know who sealed it"
        return "\n".join(["INTACT, sealed by a root that you do not trust", *lines, f"  {hint}"])
    assert root is not None
    return "\n".join(["VALID", *lines, f"  ok  sealed under the root {fingerprint(root)}"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="watchkeeper verify",
        description="Check a signed report, offline.",
        epilog="example: watchkeeper verify report.pdf --root root.pem",
    )
    parser.add_argument("file", type=Path, help="the signed PDF")
    parser.add_argument("--root", type=Path, help="root certificate to trust (PEM)")
    chosen = parser.parse_args(arguments)
    # The library narrates every missing trust path; the verdict says it once.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        pdf = chosen.file.read_bytes()
    except OSError as error:
        print(f"watchkeeper: cannot read {chosen.file}: {error.strerror}", file=sys.stderr)
        return INVALID
    try:
        verdict = verify(pdf, chosen.root)
    except ReportError as error:
        print(f"watchkeeper: {error}", file=sys.stderr)
        return UNUSABLE_ROOT
    print(report(verdict, chosen.root))
    return verdict.status


if __name__ == "__main__":
    sys.exit(main())
