"""The Faust application of a worker: everything that Faust would decide by itself, decided."""

from typing import Any

import faust
from yarl import URL

from schemas.kafka import KafkaSettings
from schemas.topics import PARTITIONS
from streams.settings import WorkerSettings
from streams.table import PromptTables
from streams.transport import PromptTransport


def build_app(settings: WorkerSettings) -> faust.App:
    """An application without agents; ``runner.attach`` adds them."""
    app = faust.App(
        settings.group,
        broker=[URL(f"kafka://{server}") for server in settings.kafka.servers],
        broker_credentials=credentials(settings.kafka),
        autodiscover=False,  # it drops modules that fail to import; the topology says what there is
        web_enabled=False,  # it would serve table data over HTTP on all interfaces
        TableManager=PromptTables,
        datadir=settings.home.state / "-".join(settings.steps),
        topic_allow_declare=False,  # topics are made by streams.admin, with the settings of schemas.topics
        topic_disable_leader=True,
        topic_partitions=PARTITIONS,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        producer_acks=-1,
        producer_linger=0.005,
        producer_max_batch_size=256 * 1024,
        stream_recovery_delay=0.0,  # three seconds of nothing otherwise, at each start
        stream_wait_empty=True,  # a partition is given up only when what was taken from it is acknowledged
        broker_commit_interval=1.0,
        **_joining(settings),
    )
    if settings.embedded:
        app.transport = PromptTransport(app.conf.broker_consumer, app)
    return app


def _joining(settings: WorkerSettings) -> dict[str, float]:
    """How soon a worker that says nothing is taken for dead, and its partitions given to others.

    The embedded broker lets a new group wait for half of the session timeout; a group of one that stalls it does not evict.
    """
    if not settings.embedded:
        return {"broker_rebalance_timeout": 30.0, "broker_session_timeout": 10.0, "broker_heartbeat_interval": 2.0}
    return {"broker_rebalance_timeout": 2.0, "broker_session_timeout": 2.0, "broker_heartbeat_interval": 0.5}


def credentials(kafka: KafkaSettings) -> Any:  # noqa: ANN401  # one of Faust's credential types, or None
    """SASL and TLS as Faust takes them; None for a plain connection."""
    context = kafka.tls_context
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=kafka.sasl_username,
            password=kafka.sasl_password,
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
