"""Invented sites: a seeded world of patients, what their hospitals send and when, and the coverage it must reconcile to.

``world.make_world`` makes it in memory, ``files.write_world`` writes workbooks and DICOM files, ``truth.truth`` says what must
come out, ``compare.differences`` says where something else came out. The room knows the templates, the registry of sites and the
text of the usual rules, and nothing else of ours: the truth is made by definition, so the engine is never compared with itself.
"""
