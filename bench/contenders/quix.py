"""Quix Streams: the same fold as a stateful function over both topics, states in RocksDB with a changelog topic."""

import sys
from typing import Any

from quixstreams import Application, State  # type: ignore[import-not-found]  # lives in the peers' own environment
from quixstreams.models.serializers import Serializer  # type: ignore[import-not-found]  # as above

from bench.fold import STATUS, Emitted, Fold, the_fold
from schemas.topics import IMAGES, PERSON_CASES, ROWS

_KEPT = "cases"


class _OfEmitted(Serializer):  # type: ignore[misc]  # Quix Streams is not installed where types are checked
    """What is on its way has been encoded by the fold."""

    def __call__(self, value: Emitted, *_: object, **__: object) -> bytes:
        return value.value


def run(bootstrap: str, group: str, folder: str) -> None:
    """Folds until it is told to stop."""
    app = Application(
        broker_address=bootstrap, consumer_group=group, auto_offset_reset="earliest", state_dir=folder, loglevel="WARNING"
    )
    rows, images = (
        app.dataframe(app.topic(name, key_deserializer="bytes", value_deserializer="bytes")) for name in (ROWS.name, IMAGES.name)
    )
    folded = rows.concat(images).apply(_stateful(the_fold()), stateful=True, expand=True, metadata=True)
    topics = {
        name: app.topic(name, key_serializer="bytes", value_serializer=_OfEmitted()) for name in (STATUS, PERSON_CASES.name)
    }
    folded.to_topic(lambda emitted, *_: topics[emitted.topic.name], key=_key_of)  # one branch: at each fork values are copied
    app.run()


def _stateful(fold: Fold) -> Any:  # noqa: ANN401  # of Quix Streams' own type
    def work(value: bytes, key: bytes, _timestamp: int, _headers: object, state: State) -> list[Emitted]:
        emitted = fold(key, value, state.get_bytes(_KEPT))
        for each in emitted:
            if each.topic.name == STATUS:
                state.set_bytes(_KEPT, each.value)
        return list(emitted)

    return work


def _key_of(emitted: Emitted) -> bytes:
    return emitted.key


if __name__ == "__main__":
    run(*sys.argv[1:4])
