"""What people read on the dashboard for the codes that travel: states, flags, kinds of alerts."""

from schemas.alerts import AlertKind
from schemas.coverage import Flag, State

STATES: dict[State, tuple[str, str]] = {
    "complete": ("Complete", "Nothing is missing"),
    "awaiting-images": ("Awaiting images", "PACS has still to send them"),
    "images-missing": ("Images missing", "Overdue: PACS should send them now"),
    "awaiting-spreadsheet": ("Awaiting spreadsheet", "The nurse has still to upload the row"),
    "spreadsheet-missing": ("Spreadsheet missing", "Overdue: the nurse should upload the row now"),
    "withdrawn": ("Withdrawn", "The patient opted out; nothing is kept"),
}
"""State -> name, whose turn it is."""

OVERDUE: tuple[State, ...] = ("images-missing", "spreadsheet-missing")

FLAGS: dict[Flag, tuple[str, str]] = {
    "in-both-spreadsheets": ("In both spreadsheets", "The patient is in the main and in the status sheet; counted as positive"),
    "positive-in-status-sheet": ("Positive in the status sheet", "The result is 1; the main row is still needed"),
    "probable-id-mismatch": ("Probably one number in two spellings", "Compare column 2 of the sheet with the PatientID in PACS"),
    "several-hospital-numbers": ("Several hospital numbers", "One person stands under more than one number at the site"),
    "images-outside-window": ("Images outside the window", "They were taken too long before or after the swab to count"),
    "unexpected-modality": ("Other than X-ray, CT or MR", "These studies are counted apart and complete no case"),
    "no-nhs-number": ("Without an NHS or CHI number", "The row cannot be found by the Checker; add the number"),
    "images-still-arriving": ("Images still arriving", "PACS is still sending; nothing is to be done"),
    "several-patient-ids-in-study": ("Several PatientIDs in a study", "PACS should see whose images these are"),
    "study-undated": ("Study without a date", "Nobody can say whether it lies in the window; PACS should add the date"),
}
"""Flag -> name, what it means."""

KINDS: dict[AlertKind, str] = {
    "images-missing": "Images overdue",
    "spreadsheet-missing": "Spreadsheet row overdue",
    "probable-id-mismatch": "One number in two spellings",
    "several-patient-ids-in-study": "Several PatientIDs in a study",
    "several-hospital-numbers": "Several hospital numbers",
    "only-images-outside-window": "Only images outside the window",
    "no-upload": "No upload for a while",
    "identifier-shift": "A whole sheet in another spelling",
    "quarantine-burst": "Many records unusable",
}
"""Kind of alert -> name."""

CONDITIONS = {
    "live": ("Live", "Everything that was published is shown."),
    "catching-up": (
        "Catching up",
        "The hub is still reading what has arrived; until it is done, the numbers are those of before.",
    ),
    "disconnected": ("Not connected", "The broker does not answer. What is shown is what was known before."),
}
"""Condition of the view -> name, what it means."""
