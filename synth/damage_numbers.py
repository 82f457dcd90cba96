"""What goes wrong with numbers: one written in two ways, zeros lost, the wrong kind of number, odd but harmless writing."""

from dataclasses import replace

from schemas.sites import Site
from synth.draft import Draft, row_of
from synth.model import Hand, Patient
from synth.numbers import misspellings
from synth.stories import Story, good_film, history


def misspelt_in_sheet(*, way: int | None = None, images: bool = True) -> Story:
    """The nurse writes the number in another way than Radiology: the first is without the prefix, None is any."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.misfit(site)
        draft.misfits.append(replace(row_of(patient), hospital_number=_misspelt(draft, patient, way)))
        if images:
            history(draft, patient, draft.order()[1])

    return tell


def misspelt_in_images(*, way: int | None = None) -> Story:
    """PACS sends under another form of the number than the sheet holds: the first is without the prefix, None is any."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        rows, images = draft.order()
        draft.put(row_of(patient), rows)
        draft.send(good_film(draft, patient, _misspelt(draft, patient, way)), images)

    return tell


def zeros_lost(draft: Draft, site: Site) -> None:
    """Excel took the hospital number for a number, and its leading zeros are gone."""
    patient = draft.misfit(site, hand=Hand(number="numeric"), number_starts="0")
    draft.misfits.append(replace(row_of(patient), hospital_number=patient.hospital_number.lstrip("0")))
    history(draft, patient, draft.order()[1])


def nhs_number_as_patient_id(draft: Draft, site: Site) -> None:
    """The images of one patient carry the NHS number, at a site that goes by hospital numbers."""
    patient = draft.patient(site)
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    draft.send(good_film(draft, patient, patient.person.nhs_number), images)


def written_by(hand: Hand) -> Story:
    """Everything is right, and written in that hand."""
    starts = tuple("123456789") if hand.number == "numeric" else ""  # so that a number can be written without loss

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, hand=hand, number_starts=starts)
        rows, images = draft.order()
        draft.put(row_of(patient), rows)
        history(draft, patient, images)

    return tell


def _misspelt(draft: Draft, patient: Patient, way: int | None) -> str:
    ways = misspellings(patient.hospital_number)
    return draft.rng.choice(ways) if way is None else ways[way]
