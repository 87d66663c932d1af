"""A seal that a stranger can check, and that one changed byte breaks."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.general import SigningError
from report_cast import make_facts

from reports import render, sign, verify


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    sign.ensure_keys(folder)
    return folder


class Sealed(bytes):
    """A signed PDF that does not print itself when a test fails."""

    def __repr__(self) -> str:
        return f"<sealed PDF of {len(self)} bytes>"


@pytest.fixture(scope="module")
def signed(keys: Path) -> Sealed:
    document, _ = render.pdf(make_facts())
    return Sealed(sign.sign(document, keys))


def test_a_sealed_report_is_valid_under_its_root(signed: Sealed, keys: Path) -> None:
    verdict = verify.verify(signed, keys / "root.pem")

    assert verdict.status == verify.VALID


def test_without_a_root_it_is_intact_but_not_trusted(signed: Sealed) -> None:
    assert verify.verify(signed, None).status == verify.UNKNOWN_SIGNER


def test_under_a_strangers_root_it_is_not_trusted(signed: Sealed, tmp_path: Path) -> None:
    sign.ensure_keys(tmp_path)

    assert verify.verify(signed, tmp_path / "root.pem").status == verify.UNKNOWN_SIGNER


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_one_changed_bit_anywhere_is_never_valid(
    signed: Sealed, keys: Path, where: float, bit: int
) -> None:
    position = int(where * len(signed))
    changed = bytearray(signed)
    changed[position] ^= 1 << bit

    verdict = verify.verify(bytes(changed), keys / "root.pem")

    assert verdict.status != verify.VALID


def test_no_digit_of_the_signature_itself_is_free(signed: Sealed, keys: Path) -> None:
    """Also of its own fields, such as the copy of the root, which nothing else covers."""
    start = signed.index(b"/Contents <") + len(b"/Contents <")
    end = start + len(signed[start : signed.index(b">", start)].rstrip(b"0"))
    for position in range(start, end, (end - start) // 40):
        changed = bytearray(signed)
        changed[position] ^= 1

        verdict = verify.verify(bytes(changed), keys / "root.pem")

        assert verdict.status != verify.VALID, position - start


@pytest.mark.parametrize("bit", [0, 5])
def test_neither_padding_nor_the_case_of_a_digit_may_change(
    signed: Sealed, keys: Path, bit: int
) -> None:
    start = signed.index(b"/Contents <") + len(b"/Contents <")
    end = signed.index(b">", start)
    letter = next(at for at in range(start, end) if signed[at : at + 1].isalpha())
    changed = bytearray(signed)
    changed[letter if bit == 5 else end - 1] ^= 1 << bit

    assert verify.verify(bytes(changed), keys / "root.pem").status == verify.INVALID


def test_a_page_changed_by_an_update_after_signing_is_invalid(signed: Sealed, keys: Path) -> None:
    """Other viewers call such a file valid: the signed revision is still whole."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    writer.root["/Lang"] = generic.pdf_string("xx")
    writer.update_root()
    changed = io.BytesIO()
    writer.write(changed)

    verdict = verify.verify(changed.getvalue(), keys / "root.pem")

    assert verdict.status == verify.INVALID


def test_bytes_added_after_the_end_are_invalid(signed: Sealed, keys: Path) -> None:
    assert verify.verify(signed + b"\n%%EOF\n", keys / "root.pem").status == verify.INVALID


def test_an_unsigned_report_is_invalid(keys: Path) -> None:
    document, _ = render.pdf(make_facts())

    assert verify.verify(document, keys / "root.pem").status == verify.INVALID


@given(junk=st.binary(max_size=300))
def test_junk_is_invalid_and_never_an_exception(junk: bytes) -> None:
    assert verify.verify(b"%PDF-1.7\n" + junk, None).status == verify.INVALID


def test_an_independent_reader_sees_one_seal_over_the_whole_file(
    signed: Sealed, tmp_path: Path
) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(signed)

    seen = subprocess.run(["pdfsig", file], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in seen
    assert "Total document signed" in seen


def test_the_private_key_is_for_its_owner_alone(keys: Path) -> None:
    assert (keys / "seal.key.pem").stat().st_mode & 0o077 == 0


def test_keys_are_made_once(keys: Path) -> None:
    before = (keys / "seal.pem").read_bytes()

    sign.ensure_keys(keys)

    assert (keys / "seal.pem").read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAA=="])
def test_a_root_that_cannot_be_used_says_nothing_of_the_report(
    signed: Sealed, tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    root, report = tmp_path / "root.pem", tmp_path / "report.pdf"
    report.write_bytes(signed)
    if content is not None:
        root.write_bytes(content)

    status = verify.main([str(report), "--root", str(root)])

    told = capsys.readouterr()
    assert status == verify.UNUSABLE_ROOT and told.out == ""
    assert str(root) in told.err and "--root" in told.err


def test_a_second_signature_makes_a_report_invalid(
    signed: Sealed, keys: Path, tmp_path: Path
) -> None:
    """Also when a stranger whose root has the same name adds it."""
    sign.ensure_keys(tmp_path)
    signer = signers.SimpleSigner.load(
        str(tmp_path / "seal.key.pem"), str(tmp_path / "seal.pem"), ca_chain_files=()
    )
    twice = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    metadata = signers.PdfSignatureMetadata(field_name="Another")
    with contextlib.suppress(SigningError):
        signers.sign_pdf(writer, metadata, signer=signer, output=twice)

    assert verify.verify(twice.getvalue(), keys / "root.pem").status == verify.INVALID


@given(cut=st.floats(0, 1, exclude_max=True), junk=st.binary(max_size=40))
@settings(max_examples=25, deadline=None)
def test_a_cut_or_patched_report_is_invalid_and_never_an_exception(
    signed: Sealed, keys: Path, cut: float, junk: bytes
) -> None:
    broken = signed[: int(cut * len(signed))] + junk

    assert verify.verify(broken, keys / "root.pem").status == verify.INVALID
