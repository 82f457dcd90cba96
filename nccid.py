"""The front door: the ``nccid`` command. Wiring only."""


def main() -> None:
    """Placeholder for the wiring below."""
