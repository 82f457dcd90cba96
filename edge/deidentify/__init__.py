"""Images made safe to hand on: each header rewritten by a reviewed table (DICOM PS3.15 annex E), pixels passed on untouched."""
