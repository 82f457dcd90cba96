"""How to reach the broker, from the environment; the password is never shown."""

from pathlib import Path

import pytest
from hypothesis import given
from rich.pretty import pretty_repr

from schemas.kafka import VARIABLES, KafkaSettings, KafkaSettingsError, from_environment, to_environment
from tests.strategies import records

PASSWORD = "correct horse battery staple"  # noqa: S105  # planted

SASL = {
    "NCCID_BOOTSTRAP": "one.example:9093, two.example:9093",
    "NCCID_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "NCCID_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "NCCID_KAFKA_SASL_USERNAME": "nccid",
    "NCCID_KAFKA_SASL_PASSWORD": PASSWORD,
    "NCCID_KAFKA_SSL_CAFILE": "/etc/nccid/ca.pem",
}


def test_an_address_is_enough() -> None:
    settings = from_environment({"NCCID_BOOTSTRAP": "127.0.0.1:19092", "PATH": "/bin"})
    assert settings == KafkaSettings(bootstrap="127.0.0.1:19092")
    assert settings.servers == ["127.0.0.1:19092"]
    assert settings.client_settings["security_protocol"] == "PLAINTEXT"


def test_everything_that_a_secured_cluster_needs() -> None:
    settings = from_environment(SASL)
    assert settings.servers == ["one.example:9093", "two.example:9093"]
    assert settings.client_settings == {
        "bootstrap_servers": ["one.example:9093", "two.example:9093"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "nccid",
        "sasl_plain_password": PASSWORD,
        "ssl_cafile": "/etc/nccid/ca.pem",
        "ssl_certfile": None,
        "ssl_keyfile": None,
    }


@pytest.mark.parametrize("variable", VARIABLES.values())
def test_any_value_may_lie_in_a_file(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "value"
    value = SASL.get(variable, "/etc/nccid/other.pem")
    file.write_text(f"{value}\n")
    plain = {name: given for name, given in SASL.items() if name != variable}
    assert from_environment(plain | {f"{variable}_FILE": str(file)}) == from_environment(plain | {variable: value})


def test_the_value_itself_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("other.example:9092")
    settings = from_environment({"NCCID_BOOTSTRAP": "one.example:9092", "NCCID_BOOTSTRAP_FILE": str(file)})
    assert settings.bootstrap == "one.example:9092"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"NCCID_BOOTSTRAP": None}, "NCCID_BOOTSTRAP is not set: give the broker's HOST:PORT"),
        ({"NCCID_BOOTSTRAP": ""}, "NCCID_BOOTSTRAP has a value that is not understood"),
        ({"NCCID_KAFKA_SECURITY_PROTOCOL": PASSWORD}, "NCCID_KAFKA_SECURITY_PROTOCOL has a value that is not understood"),
        ({"NCCID_KAFKA_SASL_MECHANISM": PASSWORD}, "NCCID_KAFKA_SASL_MECHANISM has a value that is not understood"),
        ({"NCCID_KAFKA_SASL_MECHANISM": None}, "asks for SASL: mechanism and user name are needed too"),
        ({"NCCID_KAFKA_SASL_USERNAME": None}, "asks for SASL: mechanism and user name are needed too"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(change: dict[str, str | None], words: str) -> None:
    environment = {name: value for name, value in (SASL | change).items() if value is not None}
    with pytest.raises(KafkaSettingsError) as caught:
        from_environment(environment)
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["not there", "no text"])
def test_a_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    environment = {"NCCID_BOOTSTRAP": "x:1", "NCCID_KAFKA_SASL_PASSWORD_FILE": str(file)}
    with pytest.raises(KafkaSettingsError, match=r"NCCID_KAFKA_SASL_PASSWORD_FILE: .* cannot be read"):
        from_environment(environment)


def test_the_password_is_not_shown() -> None:
    settings = from_environment(SASL)
    shown = f"{settings} {settings!r} {[settings]} {pretty_repr(settings)}"
    assert PASSWORD not in shown
    assert "nccid" not in shown
    assert "one.example:9093" in shown


@given(records(KafkaSettings))
def test_settings_survive_the_environment(settings: KafkaSettings) -> None:
    try:
        again = from_environment(to_environment(settings))
    except KafkaSettingsError:
        assert settings.security_protocol.startswith("SASL") or not settings.bootstrap
    else:
        assert again == settings
