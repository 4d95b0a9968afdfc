"""A certificate authority of our own, and certificates for nodes that listen on loopback."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = datetime.timedelta(days=30)
LOOPBACK = tuple(f"127.0.0.{n}" for n in (1, 2, 3))


@dataclass(frozen=True)
class Certificate:
    """PEM files: a certificate and its private key; `both` holds the two, as Cassandra reads a keystore."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates below `folder`; `certificate` is what a client must trust to accept them."""

    def __init__(self, folder: Path, name: str = "test authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        extension = x509.BasicConstraints(ca=True, path_length=0)
        signed = _builder(self._name, self._name, self._key).add_extension(extension, critical=True)
        self.certificate.write_bytes(_pem(signed.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, addresses: tuple[str, ...] = LOOPBACK, hosts: tuple[str, ...] = ()) -> Certificate:
        """A certificate for `name` that is valid at the addresses and host names given, and no other."""
        key = ec.generate_private_key(ec.SECP256R1())
        valid_at = [x509.DNSName(host) for host in hosts]
        valid_at += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = _builder(_name(name), self._name, key)
        signed = builder.add_extension(x509.SubjectAlternativeName(valid_at), critical=False)
        certificate = _pem(signed.sign(self._key, hashes.SHA256()))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        issued = Certificate(*(self.folder / f"{name}{end}" for end in (".crt", ".key", ".pem")))
        issued.certificate.write_bytes(certificate)
        issued.key.write_bytes(private)
        issued.both.write_bytes(private + certificate + self.certificate.read_bytes())
        return issued


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
