"""The words and colours of a chase list, as data: how a status begins, what it looks like, what it asks for, what flags mean."""

from dataclasses import dataclass
from typing import Literal

from schemas.coverage import Flag, State

Label = Literal[
    "not uploaded",
    "images overdue",
    "row overdue",
    "main row overdue",
    "row to be uploaded",
    "main row still to come",
    "images still to come",
    "withdrawn",
    "complete",
]
"""How the status of a row begins; no label is the beginning of another."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a label looks and what it asks for."""

    colour: (
        str  # of the row, pale enough for black text; told apart by the colour-blind mostly by lightness, and always by the text
    )
    meaning: str
    turn: str
    to_do: str  # for all rows of this label together


LOOKS: dict[Label, Look] = {
    "not uploaded": Look(
        "FFF4B6C2",
        "The row cannot be uploaded as it is; the cell is named.",
        "Nurse",
        "Correct these rows, then upload the sheet again: one error stops the whole upload.",
    ),
    "images overdue": Look(
        "FFF8CBAD",
        "The row is here; no chest image in the window has come in time.",
        "PACS",
        "Send the images of these patients now.",
    ),
    "row overdue": Look(
        "FFB4C7E7", "Images are here; this row was not uploaded in time.", "Nurse", "Upload the sheet with these rows now."
    ),
    "main row overdue": Look(
        "FFB4C7E7",
        "The status sheet says positive; the row in the main sheet did not come in time.",
        "Nurse",
        "Enter these patients in the main sheet (Covid positive data) and upload it now.",
    ),
    "row to be uploaded": Look(
        "FFDDEBF7", "The row is correct, but has not been uploaded yet.", "Nurse", "Upload the sheet with these rows."
    ),
    "main row still to come": Look(
        "FFDDEBF7",
        "The status sheet says positive, so the patient belongs in the main sheet too.",
        "Nurse",
        "Enter these patients in the main sheet (Covid positive data) and upload it.",
    ),
    "images still to come": Look(
        "FFFFF2CC",
        "The row is here; no chest image in the window yet, and there is still time.",
        "PACS",
        "Send the images in time.",
    ),
    "withdrawn": Look("FFD9D9D9", "The patient has opted out.", "Nurse", "Remove these rows from the sheet; send nothing more."),
    "complete": Look("FFE2F0D9", "The row and at least one chest image in the window are here.", "nobody", "Nothing."),
}
"""The most urgent first."""

TO_DO: dict[Label, str] = {
    "not uploaded": "Nurse: correct {cells}. Then {again}.",
    "images overdue": "PACS: send {chest} {window}. It is overdue.",
    "row overdue": "Nurse: {upload}. The images are here, and the row is overdue.",
    "main row overdue": 'Nurse: the result is positive, so add the patient to the main sheet, under "{main}", now.',
    "row to be uploaded": "Nurse: {upload}{by}.",
    "main row still to come": 'Nurse: the result is positive, so add the patient to the main sheet, under "{main}"{by}.',
    "images still to come": "PACS: send {chest} {window}{by}.",
    "withdrawn": "Nurse: remove the row; the patient has opted out. PACS: send nothing more.",
    "complete": "Nothing.",
}
"""For one row."""

FLAGS: dict[Flag, str] = {
    "in-both-spreadsheets": "in both spreadsheets (counts as positive)",
    "positive-in-status-sheet": "positive in the status sheet",
    "probable-id-mismatch": "PACS probably writes the number differently",
    "several-hospital-numbers": "several hospital numbers here",
    "images-outside-window": "images outside the window",
    "unexpected-modality": "images other than X-ray, CT or MR",
    "no-nhs-number": "no NHS/CHI number",
    "images-still-arriving": "images are still arriving",
    "several-patient-ids-in-study": "a study carries several patient IDs",
    "study-undated": "a study has no date",
}

FLAG_MEANINGS: dict[Flag, str] = {
    "in-both-spreadsheets": "The patient is in the main sheet and in the status sheet; the main sheet decides.",
    "positive-in-status-sheet": "The status sheet says 1, positive: the patient belongs in the main sheet.",
    "probable-id-mismatch": "A row without images and images without a row, under numbers that are probably the same patient's.",
    "several-hospital-numbers": "The same NHS/CHI number stands under several hospital numbers of this site.",
    "images-outside-window": "Studies came that are too old, too late or undated for this patient; they do not count.",
    "unexpected-modality": "Studies of another kind came; they are counted, but do not complete the patient.",
    "no-nhs-number": "Without an NHS/CHI number the row cannot be linked beyond this hospital.",
    "images-still-arriving": "A study has not been quiet for long enough; its count may still grow.",
    "several-patient-ids-in-study": "One study came under more than one patient ID; PACS should check it.",
    "study-undated": "A study carries no date, so it cannot be placed in the window.",
}

COMMENTS: dict[Flag, str] = {
    "probable-id-mismatch": "Probably the same patient under another number.",
    "several-hospital-numbers": "This site has the same NHS/CHI number under another hospital number too. Check which is right.",
    "no-nhs-number": "There is no NHS/CHI number: the row is taken, but cannot be linked beyond this hospital.",
    "several-patient-ids-in-study": "A study of this patient carries more than one patient ID. Ask PACS to check it.",
}
"""What stands as a comment at the hospital number."""

IMAGES = {"xray": "X-ray", "ct": "CT", "mr": "MR"}
LABELS: dict[State, Label] = {
    "complete": "complete",
    "awaiting-images": "images still to come",
    "images-missing": "images overdue",
    "awaiting-spreadsheet": "row to be uploaded",
    "spreadsheet-missing": "row overdue",
    "withdrawn": "withdrawn",
}
MAIN_ROW: dict[Label, Label] = {"row to be uploaded": "main row still to come", "row overdue": "main row overdue"}
