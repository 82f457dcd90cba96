"""The verdict of the audit as a person reads it in a terminal."""

from rich.table import Table

from monitoring.audit import Verdict

_SHOWN = 50  # problems; all of them are in --json


def audit_table(verdict: Verdict) -> Table:
    """One line a topic: what came in, and what became of it."""
    table = Table(title="Events by the topic on which they came in", title_justify="left")
    table.add_column("topic", no_wrap=True)
    for name in ("in", "out", "quarantined", "unaccounted for"):
        table.add_column(name, justify="right")
    for topic, number in verdict.came_in.items():
        out, held = verdict.went_out[topic], verdict.quarantined_by_topic[topic]
        table.add_row(topic, str(number), str(out), str(held), str(number - out - held))
    return table


def verdict_words(verdict: Verdict) -> str:
    """The verdict line last, what does not add up before it."""
    lines = [f"! {problem}" for problem in verdict.problems[:_SHOWN]]
    if (more := len(verdict.problems) - _SHOWN) > 0:
        lines.append(f"! and {more} more; all of them: --json")
    lines += [f"quarantined for {reason}: {number}" for reason, number in sorted(verdict.quarantined.items())]
    lines += [f"quarantined for {reason}, and never an event: {number}" for reason, number in sorted(verdict.strays.items())]
    known = verdict.follow
    lines.append(
        f"{known['statuses']} statuses, {known['people']} persons and the alerts of {known['alerts']} matches are published; "
        f"{verdict.searched} messages were searched for identifiers"
    )
    if verdict.too_broad:
        sites = ", ".join(verdict.too_broad)
        lines.append(f"the hospital_number_pattern of {sites} fits everyday words too, so it was not searched for")
    came, out, held = (sum(each.values()) for each in (verdict.came_in, verdict.went_out, verdict.quarantined))
    ending = "everything adds up" if verdict.ok else f"{len(verdict.problems)} problems"
    lines.append(f"in = {came}, out = {out}, quarantined = {held}: {ending}")
    return "\n".join(lines)


def waiting_words(number: int) -> str:
    """Said while some may still be on its way."""
    return f"{number} do not add up yet; looking again, they may be on their way"
