"""Signing: PAdES with a certification signature that permits no change.

The first use makes a certificate authority and a seal of this installation's
own. That gives an advanced seal at most; who trusts it needs the fingerprint
of `root.pem` by another way.
"""

from __future__ import annotations

import datetime as dt
import io
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers

from reports.errors import ReportError

ROOT_YEARS, SEAL_YEARS = 20, 5
ADOBE_AUTHENTIC_DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336 documentSigning


def sign(pdf: bytes, keys: Path) -> bytes:
    """The PDF with its seal; one changed byte afterwards is found.

    Raises ReportError when the key is missing or unreadable.
    """
    signer = signers.SimpleSigner.load(
        str(keys / "seal.key.pem"), str(keys / "seal.pem"), ca_chain_files=(str(keys / "root.pem"),)
    )
    if signer is None:
        raise ReportError(f"the signing key in {keys} is not readable: check seal.key.pem")
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    signed = io.BytesIO()
    signers.sign_pdf(writer, _metadata(), signer=signer, output=signed)
    return signed.getvalue()


def _metadata() -> signers.PdfSignatureMetadata:
    return signers.PdfSignatureMetadata(
        field_name="WatchkeeperSeal",
        name="Watchkeeper report seal",
        reason="Evidence of the stated period",
        md_algorithm="sha256",
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
    )


def ensure_keys(keys: Path) -> None:
    """Make root and seal at the first use; leave existing ones alone."""
    if (keys / "seal.key.pem").exists():
        return
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = dt.datetime.now(dt.UTC)
    root_key, seal_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _root(root_key, now)
    _write(keys / "root.pem", root.public_bytes(serialization.Encoding.PEM), 0o644)
    seal = _seal(seal_key, root, root_key, now)
    _write(keys / "seal.pem", seal.public_bytes(serialization.Encoding.PEM), 0o644)
    # The root's key is not kept: a seal that is lost or leaked gets a new root.
    _write(keys / "seal.key.pem", _private(seal_key), 0o600)


def fingerprint(root_pem: Path) -> str:
    """SHA-256 of the root certificate, as a stranger compares it."""
    certificate = x509.load_pem_x509_certificate(root_pem.read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":")


def _root(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = _name("Watchkeeper report root")
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    builder = _certificate(name, name, key.public_key(), now, ROOT_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())


def _seal(
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    purposes = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.EMAIL_PROTECTION, ADOBE_AUTHENTIC_DOCUMENTS]
    )
    usage = _key_usage(digital_signature=True, content_commitment=True)
    name = _name("Watchkeeper report seal")
    builder = _certificate(name, root.subject, key.public_key(), now, SEAL_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(usage, critical=True).add_extension(purposes, critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    years: int,
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(minutes=5),
        not_valid_after=now + dt.timedelta(days=365 * years),
    )


def _key_usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{use: allowed.get(use, False) for use in every})


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
