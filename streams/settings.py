"""Settings of a worker, from its environment and its home folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.home import Home
from schemas.kafka import KafkaSettings
from schemas.problems import UnusableInputError
from streams.limits import DEFAULT

Runner = Literal["fast", "stock"]
"""``streams.fast``, or Faust's agents one message after the other (``streams.runner``)."""

RUNNER = "NCCID_RUNNER"


class RunnerError(UnusableInputError):
    """There is no such runner."""


def runner_from(environment: Mapping[str, str]) -> Runner:
    """The runner that NCCID_RUNNER names.

    Raises:
        RunnerError: it names none that there is.
    """
    match environment.get(RUNNER, "fast"):
        case "fast":
            return "fast"
        case "stock":
            return "stock"
        case _:
            raise RunnerError(f"{RUNNER} has to be fast (as if it were not set) or stock")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker process is told.

    ``embedded`` is for the broker that ``nccid up`` starts: it forgets when it stops and misreports the end of a partition, so a
    worker there folds everything anew under a fresh group; it waits out every fetch, so fetches are kept short.
    """

    home: Home
    kafka: KafkaSettings
    steps: tuple[str, ...]
    embedded: bool
    run_id: str  # of this process; names the fresh group on the embedded broker
    quarantine_limit: int = DEFAULT
    metrics: tuple[str, int] | None = None  # host and port of /metrics, if it is to be served
    runner: Runner = "fast"

    @property
    def group(self) -> str:
        """The consumer group: stable on a real cluster, fresh on the embedded broker."""
        stable = group_of(self.steps)
        return f"{stable}-{self.run_id}" if self.embedded else stable


def group_of(steps: tuple[str, ...]) -> str:
    """The consumer group of the workers that run these steps."""
    return "nccid-" + "-".join(steps)
