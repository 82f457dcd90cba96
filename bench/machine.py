"""What it was measured on and with; nothing that names the machine."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("faust-streaming", "aiokafka", "msgspec", "rocksdict")


def machine(*, java: bool = False) -> dict[str, str]:
    """Processor, memory, versions of what matters for streams; and how busy the machine was before."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    found = {
        "processor": f"{len(models)} x {models[0] if models else platform.machine()}",
        "memory": f"{int(memory) // 2**20} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load_before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }
    return {**found, "java": _java()} if java else found


def versions_of(python: Path, *packages: str) -> dict[str, str]:
    """Versions of packages in another environment."""
    words = f"from importlib.metadata import version; print(*[version(name) for name in {packages!r}])"
    said = subprocess.run([str(python), "-c", words], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(packages, said, strict=True))


def _java() -> str:
    words = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    return words[0].strip() if words else "unknown"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
