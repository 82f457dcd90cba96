"""Large pages: which stretches of memory are meant, and that the system really makes them large, where it can."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitoring.hub.large_pages import ask, stretches

MAPS = """\
00400000-00800000 r-xp 00000000 fe:00 17 /usr/bin/python3.11
00a00000-01200000 rw-p 00200000 fe:00 17 /usr/bin/python3.11
02000000-02400000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000300000 rw-p 00000000 00:00 0
7f0000400000-7f0000c00000 rw-p 00000000 00:00 0
7f0001000000-7f0001800000 r--p 00000000 00:00 0
7f0002000000-7f0002800000 rw-s 00000000 00:01 5 /dev/zero (deleted)
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0 [stack]
"""

LARGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")

PROGRAM = """
from monitoring.hub.large_pages import _system, ask
kept = [str(number) * 20 for number in range(500_000)]
def large():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages"))
before = large()
ask(_system())
print(large() - before, all(text == str(number) * 20 for number, text in enumerate(kept)))
"""


def test_the_programs_own_large_stretches_are_meant() -> None:
    assert list(stretches(MAPS)) == [(0x02000000, 0x02400000), (0x7F0000400000, 0x7F0000C00000)]


@pytest.mark.skipif(
    not LARGE.is_file() or "[never]" in LARGE.read_text(encoding="ascii"), reason="this system has no large pages"
)
def test_what_is_kept_comes_to_lie_in_large_pages_and_stays_the_same() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    kibibytes, same = ran.stdout.split()
    assert same == "True"
    assert int(kibibytes) > 0


def test_a_system_that_refuses_changes_nothing() -> None:
    asked: list[tuple[int, int]] = []

    def refuse(at: int, length: int, _: int) -> int:
        asked.append((at, length))
        return -1

    ask(refuse)
    assert asked
