"""The hub: what is known at the centre, over HTTP. Its API for programs, its live dashboard for people."""
