"""Apache Kafka's jars, brought by Maven once, and how its programs are started with them."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.cache import cache_folder
from schemas.problems import UnusableInputError

_FOLDER = Path(__file__).parent
LOGGING = f"-Dlog4j2.configurationFile={_FOLDER / 'log4j2.properties'}"


class KafkaMissingError(UnusableInputError):
    """Apache Kafka cannot be had; says what to install."""


def bring_jars() -> Path:
    """Has Maven lay Apache Kafka's jars into the user's cache, unless they are there for this very ``pom.xml``.

    Returns:
        The folder they lie in.

    Raises:
        KafkaMissingError: there is no Java or no Maven, or Maven cannot get them.
    """
    if shutil.which("java") is None:
        raise KafkaMissingError("Apache Kafka needs Java 17: apt-get install openjdk-17-jre-headless")
    folder = cache_folder("kafka")
    with (folder / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        _bring(_FOLDER / "pom.xml", folder / "pom.done", folder / "jars")
    return folder / "jars"


def _bring(pom: Path, done: Path, jars: Path) -> None:
    if done.exists() and done.read_bytes() == pom.read_bytes():
        return
    if shutil.which("mvn") is None:
        raise KafkaMissingError("Apache Kafka's jars are brought by Maven: apt-get install maven")
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), f"-Djars={jars}", "dependency:copy-dependencies"]
    shutil.rmtree(jars, ignore_errors=True)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise KafkaMissingError(f"Maven could not bring Apache Kafka's jars:\n{ran.stdout}\n{ran.stderr}")
    done.write_bytes(pom.read_bytes())


def java_command(jars: Path, java: Sequence[str], main: str, *arguments: str) -> list[str]:
    """The command line of one of Kafka's programs."""
    return ["java", *java, LOGGING, "-cp", f"{jars}{os.sep}*", main, *arguments]
