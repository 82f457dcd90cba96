"""What forgetting did, in words."""

from monitoring.forgetting.forget import Forgotten


def forget_words(done: Forgotten) -> str:
    """For the person who asked for it."""
    if not done.patients:
        return "nobody has opted out; there is nothing to forget"
    if done.refused:
        return (
            f"{done.patients} cases are withdrawn and show nothing. This broker cannot erase records on request: what lies on "
            "its topics, under pseudonyms, goes when the embedded broker stops, and is not sent anew"
        )
    if not done.erased:
        return f"{done.patients} cases are withdrawn; the topics hold no record of them any more"
    return (
        f"{done.patients} cases are withdrawn; {done.erased} records of theirs are erased from the topics "
        f"({done.rewritten} of other patients were written anew to make that possible)"
    )
