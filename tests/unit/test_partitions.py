"""Partitions: the same as both of Python's clients compute, for keys of every length."""

import random

import pytest
from aiokafka.partitioner import murmur2 as workers_murmur2
from kafka.partitioner.default import murmur2 as senders_murmur2

from schemas.topics import PARTITIONS
from streams.partitions import partition_of

CHANCE = random.Random(31)
ALL_BITS = 0x7FFFFFFF  # what the clients use of the hash
ALL = 2**31  # so many partitions that the number of one is the hash


@pytest.mark.parametrize("length", range(131))
def test_the_hash_is_that_of_both_clients_for_keys_of_every_length(length: int) -> None:
    for key in (CHANCE.randbytes(length) for _ in range(20)):
        assert partition_of(key, ALL) == workers_murmur2(key) & ALL_BITS
        assert partition_of(key, ALL) == senders_murmur2(key) & ALL_BITS


@pytest.mark.parametrize("byte", [b"\x00", b"\x7f", b"\x80", b"\xff"])
def test_bytes_at_the_ends_of_their_range_are_taken_without_sign(byte: bytes) -> None:
    for length in range(40):
        assert partition_of(byte * length, ALL) == workers_murmur2(byte * length) & ALL_BITS


@pytest.mark.parametrize("partitions", [1, 2, 7, PARTITIONS, 64])
def test_a_key_lies_where_the_client_puts_it_however_many_partitions_there_are(partitions: int) -> None:
    for key in (CHANCE.randbytes(27) for _ in range(200)):
        assert partition_of(key, partitions) == (workers_murmur2(key) & 0x7FFFFFFF) % partitions


def test_as_many_partitions_as_our_topics_have_unless_told() -> None:
    assert partition_of(b"MONE") == partition_of(b"MONE", PARTITIONS)
