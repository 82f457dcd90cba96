"""The environment of the peers: a virtual environment in the user's cache, made on demand; never part of our own."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from local.cache import cache_folder
from schemas.problems import WorkFailedError

_HERE = Path(__file__).parent
_PINNED = _HERE / "peers.txt"
_DONE = "made-for"


def peers_python(say: Callable[[str], None]) -> Path:
    """The interpreter of the peers' environment, with the pinned peers, and behind them our own packages and ourselves.

    So every contender decodes and folds with the very same msgspec as we do; where a package is in both, the peers use theirs.

    Raises:
        WorkFailedError: it cannot be made; the package index may be out of reach.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder("bench-peers") / version
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(_PINNED.read_bytes() + sys.prefix.encode()).hexdigest()
    done = folder / _DONE
    if not (done.exists() and done.read_text() == wanted):
        say("making the environment of the peers: Quix Streams, confluent-kafka, pandas")
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(
            str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(_PINNED)
        )
        behind = folder / "lib" / f"python{version}" / "site-packages" / "zz-ours.pth"
        behind.write_text(f"{sysconfig.get_path('purelib')}\n{_HERE.parent}\n", encoding="utf-8")
        done.write_text(wanted)
    return python


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise WorkFailedError(f"the environment of the peers could not be made: {(ran.stderr or ran.stdout)[-800:]}")
