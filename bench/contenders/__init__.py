"""What else one would write: the same fold between the same topics, each in a program of its own.

``python -m bench.contenders.NAME BOOTSTRAP GROUP FOLDER [idempotent]``; runs until it is told to stop. All write with acks=all
and idempotence, by Kafka's own partitioner, and commit the offset of a message after what follows from it is acknowledged.
"""
