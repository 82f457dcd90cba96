"""How it flows: the topology (``topology.py``, read it first) and the one runner that puts its steps on Faust."""
