"""Who acts: one step a file, record in, record out.

Pure: no clock, no I/O, no Faust, no environment. A record that cannot be used is a value (``Rejected``), never an exception.
"""
