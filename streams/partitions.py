"""Partitions: where Kafka's own partitioner puts a key; the hash by a library, for Python's clients take a byte at a time."""

from murmurhash2 import murmurhash2

from schemas.topics import PARTITIONS

_SEED = 0x9747B28C
"""That of Java's clients, to which all others keep."""


def partition_of(key: bytes, partitions: int = PARTITIONS) -> int:
    """Where Kafka's own partitioner puts a key.

    Args:
        key: that of the message.
        partitions: how many the topic has.

    Returns:
        The number of the partition, from 0.
    """
    return (murmurhash2(key, _SEED) & 0x7FFFFFFF) % partitions
