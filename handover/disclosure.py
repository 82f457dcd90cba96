"""Small numbers: what may be told of counts without telling of single patients.

A count of fewer than five, or of fewer than five patients, is not told; all others are rounded to the nearest five, so that
neither two reports nor a total can be subtracted from one another to get at a small one. Where the complement of a count would be
told with the whole, both are left out. Nought is told.
"""

FEWEST = 5


def told(count: int, patients: int) -> int | None:
    """A count as it may be told; None where it may not.

    Args:
        count: of whatever.
        patients: how many patients it is about.
    """
    if count == 0:
        return 0
    if count < FEWEST or patients < FEWEST:
        return None
    return rounded(count)


def rounded(count: int) -> int:
    """The nearest multiple of five."""
    return FEWEST * ((count + FEWEST // 2) // FEWEST)


def told_pair(one: int | None, other: int | None) -> tuple[int | None, int | None]:
    """Two counts that make up a whole, each as it may be told: where one may not, neither is."""
    return (None, None) if one is None or other is None else (one, other)
