"""A cluster that asks who we are, over TLS, and gives each role the rights of its file and no more."""

import datetime as dt
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from tests.kafka.cluster import Guarded, KafkaCluster

ADMIN = "admin"
FILES = Path(__file__).parents[2] / "deploy" / "acls"
_RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional-id": ResourceType.TRANSACTIONAL_ID}
_MECHANISM = "SCRAM-SHA-512"


def guarded_cluster(folder: Path, roles: Mapping[str, str]) -> KafkaCluster:
    """One broker with SASL/SCRAM over TLS; ``roles`` are users with their passwords, besides the superuser."""
    users = {ADMIN: "admin-secret", **roles}
    authority, broker = _certificates(folder)
    login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{users[ADMIN]}";'
    settings = {
        "sasl.enabled.mechanisms": _MECHANISM,
        "sasl.mechanism.inter.broker.protocol": _MECHANISM,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(broker),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:ANONYMOUS",  # the controller's own listener, on loopback
    }
    return KafkaCluster(folder, guarded=Guarded("SASL_SSL", users, ADMIN, settings, cafile=str(authority)))


def grant(cluster: KafkaCluster, role: str) -> None:
    """Gives a user the rights in the file of its role, as ``kafka-acls.sh`` would."""
    admin = KafkaAdminClient(**cluster.settings.client_settings)
    try:
        admin.create_acls([each for line in _lines(role) for each in _acls(role, line)])
    finally:
        admin.close()


def _lines(role: str) -> list[list[str]]:
    text = (FILES / f"{role}.acl").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def _acls(role: str, line: list[str]) -> Iterator[ACL]:
    options = list(zip(line[::2], line[1::2], strict=True))
    values = {flag.removeprefix("--"): value for flag, value in options if flag != "--operation"}
    prefixed = values.pop("resource-pattern-type", "literal") == "prefixed"
    ((resource, name),) = values.items()
    pattern = ResourcePattern(
        _RESOURCES[resource], name, ACLResourcePatternType.PREFIXED if prefixed else ACLResourcePatternType.LITERAL
    )
    for flag, operation in options:
        if flag == "--operation":
            yield ACL(f"User:{role}", "*", _operation(operation), ACLPermissionType.ALLOW, pattern)


def _operation(name: str) -> ACLOperation:
    return next(each for each in ACLOperation if each.name.replace("_", "") == name.upper())


def _certificates(folder: Path) -> tuple[Path, Path]:
    """An authority of the test's own, and what the broker on loopback shows: its key and certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, broker_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, broker_name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "broker"))
    today = dt.datetime.now(dt.UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=1))
            .not_valid_after(today + dt.timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(authority_key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM)

    authority = folder / "authority.pem"
    authority.write_bytes(certificate(authority_name, authority_key, x509.BasicConstraints(ca=True, path_length=None)))
    own_name = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    private = broker_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    broker = folder / "broker.pem"
    broker.write_bytes(private + certificate(broker_name, broker_key, own_name))
    return authority, broker
