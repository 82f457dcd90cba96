"""Times as people at a British hospital read them, whatever clock the machine has."""

import datetime as dt
from zoneinfo import ZoneInfo

_HERE = ZoneInfo("Europe/London")


def moment(at: int | dt.datetime) -> str:
    """A moment, from seconds since 1970 or a time: 3 May 2020 at 2:07pm."""
    there = (dt.datetime.fromtimestamp(at, dt.UTC) if isinstance(at, int) else at).astimezone(_HERE)
    hour = there.hour % 12 or 12
    return f"{there.day} {there:%B %Y} at {hour}:{there:%M}{'am' if there.hour < 12 else 'pm'}"
