"""The outbox and the sender: what was taken in is durable, and is sent until the broker has acknowledged it."""
