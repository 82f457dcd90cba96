"""What goes wrong with numbers: one written in two ways, zeros lost, the wrong kind of number, odd but harmless writing."""

from dataclasses import replace

from schemas.sites import Site
from synth.draft import Draft, row_of
from synth.model import Hand
from synth.numbers import misspellings
from synth.stories import Story, good_film, history


def misspelt_in_sheet(*, images: bool) -> Story:
    """The nurse writes the hospital's number, not Radiology's: RR12345678 without the RR, or the like."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        wrong = draft.rng.choice(misspellings(patient.hospital_number))
        draft.misfits.append(replace(row_of(patient), hospital_number=wrong))
        if images:
            history(draft, patient, draft.order()[1])

    return tell


def misspelt_in_images(draft: Draft, site: Site) -> None:
    """PACS sends under the hospital's number, the sheet holds Radiology's."""
    patient = draft.patient(site)
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    wrong = draft.rng.choice(misspellings(patient.hospital_number))
    draft.send(good_film(draft, patient, wrong), images)


def zeros_lost(draft: Draft, site: Site) -> None:
    """Excel took the hospital number for a number, and its leading zeros are gone."""
    patient = draft.patient(site, hand=Hand(number="numeric"), number_starts="0")
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

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, hand=hand)
        rows, images = draft.order()
        draft.put(row_of(patient), rows)
        history(draft, patient, images)

    return tell
