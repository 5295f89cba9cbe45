"""The cluster's own certificates: who holds them may run code on every host, and nobody else.

Dask checks that the other side's certificate is signed by the cluster's CA, not its host name, so
one certificate serves every member. The CA's own key is thrown away: nothing more can be signed.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.cluster.engine import needs_cluster
from zoo.errors import InputError, reason_of
from zoo.files import atomic_folder, exists

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

CA, CERTIFICATE, KEY = "ca.pem", "cluster.pem", "cluster-key.pem"
FILES = (CA, CERTIFICATE, KEY)
VALID_DAYS = 1095
SKEW = datetime.timedelta(days=1)
"""How far clocks of hosts may lie apart."""
ADVICE = "make it with 'fbdeploy cluster keys'"


def make_keys(folder: Path) -> datetime.datetime:
    """Write a new CA, and a certificate with its key, into ``folder``; returns when they end.

    Raises:
        InputError: there are keys already, the folder cannot be made or written, or the extra
            ``cluster`` is not installed.
    """
    with needs_cluster():
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    if exists(folder / CA):
        raise InputError(f"{folder}: holds keys already; choose another folder or remove it")
    authority, member = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca = _certificate("fbdeploy cluster CA", authority, authority, None)
    certificate = _certificate("fbdeploy cluster", member, authority, ca)
    pem = serialization.Encoding.PEM
    secret = member.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with atomic_folder(folder, FILES) as temporary:
        temporary.mkdir(mode=0o700, parents=True)
        (temporary / CA).write_bytes(ca.public_bytes(pem))
        (temporary / CERTIFICATE).write_bytes(certificate.public_bytes(pem))
        descriptor = os.open(temporary / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secret)
    assert isinstance(ca, x509.Certificate)
    return ca.not_valid_after_utc


def check_keys(folder: Path) -> None:
    """Refuse keys that the other side would refuse.

    Raises:
        InputError: a file is missing or no PEM, the certificate has ended or not begun, is not
            signed by the CA, or is not that of the key; or the extra ``cluster`` is not installed.
    """
    with needs_cluster():
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import serialization
    contents = {}
    for name in FILES:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(
                f"{folder / name}: cannot be read ({reason_of(error)}); {ADVICE}"
            ) from error
    try:
        ca, certificate = (x509.load_pem_x509_certificate(contents[n]) for n in (CA, CERTIFICATE))
        key = serialization.load_pem_private_key(contents[KEY], password=None)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{folder}: holds no keys in PEM ({reason_of(error)}); {ADVICE}"
        ) from error
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise InputError(f"{folder}: {CERTIFICATE} is not signed by its {CA}; {ADVICE}") from error
    if key.public_key() != certificate.public_key():
        raise InputError(f"{folder}: {KEY} is not that of {CERTIFICATE}; {ADVICE}")
    now = datetime.datetime.now(datetime.UTC)
    if now < certificate.not_valid_before_utc:
        raise InputError(
            f"{folder}: begins on {certificate.not_valid_before_utc:%Y-%m-%d}, and this machine's "
            f"clock says {now:%Y-%m-%d}; set it"
        )
    if certificate.not_valid_after_utc < now:
        raise InputError(f"{folder}: ended on {certificate.not_valid_after_utc:%Y-%m-%d}; {ADVICE}")


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    issuer: Certificate | None,
) -> Certificate:
    """A certificate of ``key``; without ``issuer`` it is a CA's own."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
