"""Partitions: where Kafka's own partitioner puts a key; exact, and quick enough to be asked for each message.

The hash is murmur2 as Java's clients compute it (public domain, Austin Appleby); those of Python's clients take a byte at a time.
"""

from functools import lru_cache
from struct import Struct

from schemas.topics import PARTITIONS

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_MASK = 0xFFFFFFFF
_KEPT = 16_384  # an event asks several times about the same key

_words_of = lru_cache(maxsize=None)(lambda count: Struct(f"<{count}I").unpack_from)


@lru_cache(maxsize=_KEPT)
def partition_of(key: bytes, partitions: int = PARTITIONS) -> int:
    """Where Kafka's own partitioner puts a key.

    Args:
        key: that of the message.
        partitions: how many the topic has.

    Returns:
        The number of the partition, from 0.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """The hash, 32 bits without a sign."""
    length = len(key)
    mixed = _SEED ^ length
    for word in _words_of(length >> 2)(key):
        scaled = word * _MIX & _MASK
        mixed = (mixed * _MIX ^ (scaled ^ scaled >> 24) * _MIX) & _MASK
    if rest := length & 3:
        mixed = (mixed ^ int.from_bytes(key[-rest:], "little")) * _MIX & _MASK
    mixed = (mixed ^ mixed >> 13) * _MIX & _MASK
    return mixed ^ mixed >> 15
