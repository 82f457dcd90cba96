"""``python -m bench.page benchmarks``: what was measured, as the tables of docs/benchmarks.md."""

import json
import sys
from pathlib import Path

from rich.table import Table

from bench import stream_words

STREAMS = ("join", "join-embedded", "latency", "recovery", "growth", "scale", "replay", "upload")


def markdown(table: Table) -> str:
    """A table as Markdown: its title and its caption around it."""
    columns = [[str(column.header), *(str(cell) for cell in column.cells)] for column in table.columns]
    head, *rows = (" | ".join(cells) for cells in zip(*columns, strict=True))
    rule = " | ".join("---" for _ in columns)
    lines = [f"{table.title}:", "", *(f"| {line} |" for line in (head, rule, *rows)), "", f"{table.caption}."]
    return "\n".join(lines)


def page(folder: Path) -> str:
    """Every table of which there is a file."""
    sections = []
    for name in STREAMS:
        file = folder / f"{name}.json"
        if file.exists():
            table = getattr(stream_words, f"{name.partition('-')[0]}_table")(json.loads(file.read_text(encoding="utf-8")))
            sections.append(f"### {name}\n\n{markdown(table)}\n")
    return "\n".join(sections)


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
