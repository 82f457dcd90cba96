"""Which DICOM objects are not images, by SOP class (DICOM PS3.4 annex B, PS3.6 annex A), else by modality."""

_STORAGE = "1.2.840.10008.5.1.4.1.1"

_BY_SOP_CLASS = {  # the longest prefix decides
    "1.2.840.10008.1.3.10": "it is the index of a CD or folder (DICOMDIR), not an image",
    f"{_STORAGE}.4.2": "it is a spectrum, not an image",
    f"{_STORAGE}.9": "it is a waveform such as an ECG, not an image",
    f"{_STORAGE}.11": "it is a presentation state, not an image",
    f"{_STORAGE}.66": "it is derived data such as a registration or a segmentation, not an image",
    f"{_STORAGE}.67": "it is a value mapping, not an image",
    f"{_STORAGE}.68": "it is a surface, not an image",
    f"{_STORAGE}.78": "it is a measurement, not an image",
    f"{_STORAGE}.79": "it is a measurement, not an image",
    f"{_STORAGE}.80": "it is a measurement, not an image",
    f"{_STORAGE}.88": "it is a report or a list of key images (structured report), not an image",
    f"{_STORAGE}.90": "it is an assessment, not an image",
    f"{_STORAGE}.104": "it is a document such as a PDF, not an image",
    f"{_STORAGE}.481": "it is a radiotherapy plan, structure set or dose, not an image",
    "1.2.840.10008.5.1.4.34": "it is a radiotherapy instruction or a work list, not an image",
    "1.2.840.10008.5.1.4.38": "it is a hanging protocol, not an image",
    "1.2.840.10008.5.1.4.39": "it is a colour palette, not an image",
}
_IMAGES_AMONG_THEM = (f"{_STORAGE}.481.1",)  # RT Image

_BY_MODALITY = {
    "AU": "it is a sound recording, not an image",
    "DOC": "it is a document such as a PDF, not an image",
    "ECG": "it is a waveform such as an ECG, not an image",
    "KO": "it is a list of key images, not an image",
    "PR": "it is a presentation state, not an image",
    "REG": "it is a registration, not an image",
    "RTDOSE": "it is a radiotherapy dose, not an image",
    "RTPLAN": "it is a radiotherapy plan, not an image",
    "RTSTRUCT": "it is a radiotherapy structure set, not an image",
    "SEG": "it is a segmentation, not an image",
    "SR": "it is a report (structured report), not an image",
}


USUAL_MODALITIES = frozenset(("CR", "CT", "DX", "MG", "MR", "NM", "OT", "PT", "RF", "US", "XA"))
"""Modalities that say nothing of a person, also where a name has the same letters: ``MR`` is a title, ``CT`` may be initials."""


def not_an_image(sop_class: str, modality: str) -> str | None:
    """Why an object is left out, in words; None where it may be an image.

    Args:
        sop_class: its SOPClassUID, empty where it has none.
        modality: its Modality, which decides where there is no SOP class.
    """
    if not sop_class:
        return _BY_MODALITY.get(modality)
    if sop_class in _IMAGES_AMONG_THEM:
        return None
    parts = sop_class.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((_BY_SOP_CLASS[prefix] for prefix in prefixes if prefix in _BY_SOP_CLASS), None)
