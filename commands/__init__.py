"""The commands of the front door: wiring only. The one room that knows every other; none knows it.

Each command imports its rooms when it runs, so that it answers soon. With ``--json`` one JSON document goes to stdout and nothing
else; all words go to stderr.
"""
