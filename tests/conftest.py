"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=ci (the default) or nightly."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=50, deadline=None, print_blob=True)
settings.register_profile(
    "nightly",
    max_examples=10_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # a loaded machine at night is no failure
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
