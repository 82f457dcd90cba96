"""How to reach the broker: what both the edge's client and the streams' client need to know."""

import ssl
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import Record


class KafkaSettings(Record, frozen=True, kw_only=True):
    """Address and security of a Kafka cluster; SASL and TLS as the clients name them."""

    bootstrap: Annotated[str, msgspec.Meta(min_length=1)]
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    def __repr__(self) -> str:
        return f"KafkaSettings({self.bootstrap}, {self.security_protocol})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("bootstrap", self.bootstrap), ("security_protocol", self.security_protocol)]

    @property
    def servers(self) -> list[str]:
        """``host:port`` of each bootstrap server."""
        return [server.strip() for server in self.bootstrap.split(",")]

    @property
    def client_settings(self) -> dict[str, object]:
        """The settings as the keyword arguments of kafka-python's clients."""
        return {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_cafile": self.ssl_cafile,
            "ssl_certfile": self.ssl_certfile,
            "ssl_keyfile": self.ssl_keyfile,
        }

    @property
    def aiokafka_settings(self) -> dict[str, Any]:
        """The settings as the keyword arguments of aiokafka's clients."""
        return {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism or "PLAIN",
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_context": self.tls_context,
        }

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """TLS for aiokafka's clients: server checked, client certificate where one is given; None without TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        return context


class KafkaSettingsError(UnusableInputError):
    """The environment does not say how to reach the broker, or says it wrongly."""


VARIABLES = {
    "bootstrap": "NCCID_BOOTSTRAP",
    "security_protocol": "NCCID_KAFKA_SECURITY_PROTOCOL",
    "sasl_mechanism": "NCCID_KAFKA_SASL_MECHANISM",
    "sasl_username": "NCCID_KAFKA_SASL_USERNAME",
    "sasl_password": "NCCID_KAFKA_SASL_PASSWORD",
    "ssl_cafile": "NCCID_KAFKA_SSL_CAFILE",
    "ssl_certfile": "NCCID_KAFKA_SSL_CERTFILE",
    "ssl_keyfile": "NCCID_KAFKA_SSL_KEYFILE",
}
"""Field -> environment variable."""


def from_environment(environment: Mapping[str, str]) -> KafkaSettings:
    """The settings in ``NCCID_BOOTSTRAP`` and ``NCCID_KAFKA_*``; ``NAME_FILE`` names a file that holds the value (a secret).

    Raises:
        KafkaSettingsError: no bootstrap server, or a value that the field does not take. The value itself is not repeated.
    """
    given: dict[str, str] = {}
    for field, variable in VARIABLES.items():
        if variable in environment:
            given[field] = environment[variable]
        elif f"{variable}_FILE" in environment:
            given[field] = _secret(variable, environment[f"{variable}_FILE"])
    if "bootstrap" not in given:
        raise KafkaSettingsError("NCCID_BOOTSTRAP is not set: give the broker's HOST:PORT")
    try:
        settings = msgspec.convert(given, KafkaSettings)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("`$.")[2].rstrip("`")
        raise KafkaSettingsError(f"{VARIABLES.get(field, field)} has a value that is not understood") from None
    if settings.security_protocol.startswith("SASL") and not (settings.sasl_mechanism and settings.sasl_username):
        raise KafkaSettingsError("NCCID_KAFKA_SECURITY_PROTOCOL asks for SASL: mechanism and user name are needed too")
    return settings


def to_environment(settings: KafkaSettings) -> dict[str, str]:
    """The variables from which ``from_environment`` reads the same settings again."""
    plain: dict[str, str | None] = msgspec.to_builtins(settings)
    return {VARIABLES[field]: value for field, value in plain.items() if value is not None}


def _secret(variable: str, path: str) -> str:
    from pathlib import Path

    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KafkaSettingsError(f"{variable}_FILE: {path} cannot be read: {type(error).__name__}") from None
