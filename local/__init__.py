"""One machine: a home folder, an embedded broker, child processes that end with their parent, and the demonstration.

Knows processes and addresses, nothing of what flows between them.
"""
