"""Calling a node as a PACS does: files over DICOM, in one association, each object answered. For the demonstration."""

from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE

from schemas.problems import WorkFailedError

_CONTEXTS = 128  # at most, in one association (PS3.8)


class NotSentError(WorkFailedError):
    """The node did not take what was sent; says how much."""


def send(address: str, caller: str, called: str, files: Iterable[Path]) -> int:
    """Sends DICOM files to a node.

    Args:
        address: HOST:PORT.
        caller: our AE title, by which the node knows the site.
        called: the node's AE title.
        files: each one object.

    Returns:
        How many were sent; all of them were taken.

    Raises:
        NotSentError: nobody answers, or an object was refused.
    """
    objects = [pydicom.dcmread(path) for path in files]
    host, _, port = address.rpartition(":")
    entity = AE(ae_title=caller)
    for abstract, transfer in sorted({_context(each) for each in objects})[:_CONTEXTS]:
        entity.add_requested_context(abstract, transfer)
    association = entity.associate(host, int(port), ae_title=called)
    if not association.is_established:
        raise NotSentError(f"the node at {address} did not let {caller} in")
    try:
        refused = sum(association.send_c_store(each).get("Status") != 0x0000 for each in objects)
    finally:
        association.release()
    if refused:
        raise NotSentError(f"the node at {address} refused {refused} of {len(objects)} objects")
    return len(objects)


def _context(image: Dataset) -> tuple[str, str]:
    return str(image.SOPClassUID), str(image.file_meta.TransferSyntaxUID)
