"""Text tables: cells between bars, the first line the names of the columns, a line of dashes under it optional."""

Line = dict[str, str]


def tables(text: str) -> dict[str, list[Line]]:
    """Every table in the text by its title, the line without bars above it. Empty cells are left out of a line."""
    found: dict[str, list[Line]] = {}
    header: list[str] = []
    title = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or set(line) <= set("|-+ "):
            continue
        if "|" not in line:
            title, header = line, []
            found[title] = []
        elif not header:
            header = _cells(line)
        else:
            cells = _cells(line)
            assert len(cells) == len(header), f"{len(cells)} cells under {len(header)} names: {line}"
            found[title].append({name: cell for name, cell in zip(header, cells, strict=True) if cell})
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
