"""The typed copy: what a cell means, in codes, numbers with units, ISO dates. Each repair has a name; nothing is guessed."""
