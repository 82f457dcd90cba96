"""What the warehouse receives: complete cases in the form that it takes in, and what is said of them.

Reads the pseudonymised topics and the store of de-identified images. Nothing here sees an identifier or a key, but
``handover.linkage``, for the controller alone.
"""
