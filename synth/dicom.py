"""Writes images as the PACS of a hospital would send them: with every name, number and address that real headers carry."""

import datetime as dt
from functools import lru_cache

from pydicom.dataset import Dataset

from schemas.sites import Site
from synth import names
from synth.elements import Encoded, encoded, file_of, sequence, texts
from synth.hands import number_text
from synth.model import Instance, Patient, Study
from synth.pictures import kind

_MAKERS = ("Lumenray", "Fernbank Imaging", "Halcombe Medical", "Orrery Systems", "Castellan X-Ray")
_DATES = ("StudyDate", "AcquisitionDate", "ContentDate")


def image_file(site: Site, study: Study, instance: Instance) -> bytes:
    """The DICOM file of one image."""
    levels = (
        kind(instance.modality).elements,
        _equipment(site.code, site.name, instance.modality),
        _patient(instance.patient, instance.patient_id, site.pacs_identifier),
        _study(study),
        _image(study, instance),
    )
    return file_of(kind(instance.modality).sop_class, instance.uid, *levels)


@lru_cache(maxsize=256)
def _equipment(code: str, name: str, modality: str) -> Encoded:
    maker = _MAKERS[sum(code.encode()) % len(_MAKERS)]
    return texts(
        SpecificCharacterSet="ISO_IR 100",
        Manufacturer=maker,
        ManufacturerModelName=kind(modality).model,
        InstitutionName=name,
        InstitutionAddress=f"1 Hospital Way, {names.PLACES[sum(code.encode()) % len(names.PLACES)]}, ZZ99 1AA",
        InstitutionalDepartmentName="Radiology",
        StationName=f"{code}{modality}01",
        DeviceSerialNumber=f"{sum(name.encode()):06d}",
        SoftwareVersions="4.2.1",
        SeriesDescription=kind(modality).series,
        ProtocolName=kind(modality).series,
        BodyPartExamined="CHEST",
    )


@lru_cache(maxsize=256)
def _patient(patient: Patient, patient_id: str, pacs_identifier: str) -> Encoded:
    person = patient.person
    number = person.nhs_number
    spoken = f"{number[:3]} {number[3:6]} {number[6:]}"
    other = patient.hospital_number if pacs_identifier == "nhs" else number
    said = texts(
        PatientName=f"{person.family_name.upper()}^{person.given_name}",
        PatientID=str(number_text(patient_id, patient.hand.patient_id)),
        IssuerOfPatientID=patient.site,
        PatientBirthDate=f"{person.birth_date:%Y%m%d}",
        PatientSex=person.sex,
        OtherPatientIDs=[other, spoken],
        OtherPatientNames=f"{person.family_name}^{person.given_name[0]}",
        PatientAddress=person.address,
        PatientTelephoneNumbers="01632 960" + number[-3:],
        PatientComments=f"NHS No. {spoken}",
    )
    others = sequence(
        "OtherPatientIDsSequence",
        texts(PatientID=number, IssuerOfPatientID="NHS", TypeOfPatientID="TEXT"),
        texts(PatientID=patient.hospital_number, IssuerOfPatientID=patient.site, TypeOfPatientID="TEXT"),
    )
    return {**said, **others, **_private(person.family_name, number)}


def _private(family_name: str, number: str) -> Encoded:
    values, item = Dataset(), Dataset()
    item.PatientName = family_name
    block = values.private_block(0x0033, "INVENTED RIS 1.0", create=True)
    block.add_new(0x01, "LO", f"{family_name} {number}")
    block.add_new(0x02, "SQ", [item])
    return encoded(values)


@lru_cache(maxsize=64)
def _study(study: Study) -> Encoded:
    chance = int(study.accession[-5:])
    day = f"{study.date:%Y%m%d}" if study.date else ""
    known = _DATES[_DATES.index(study.dated_by) :]
    time = f"{8 + chance % 11:02d}{chance % 60:02d}00" if day else ""
    said = texts(
        StudyInstanceUID=study.uid,
        StudyID=study.accession[-6:],
        AccessionNumber=study.accession,
        ReferringPhysicianName=names.PHYSICIANS[chance % len(names.PHYSICIANS)],
        OperatorsName=names.PHYSICIANS[-1 - chance % len(names.PHYSICIANS)],
        StudyDescription="Chest",
        **{keyword: day if keyword in known else "" for keyword in _DATES},
        **{keyword.replace("Date", "Time"): time if keyword in known else "" for keyword in _DATES},
    )
    step = texts(
        RequestedProcedureID=f"R{study.accession}", ScheduledProcedureStepID=f"S{chance}", AccessionNumber=study.accession
    )
    return {**said, **sequence("RequestAttributesSequence", step)}


def _image(study: Study, instance: Instance) -> Encoded:
    series = list(dict.fromkeys(each.series for each in study.instances))
    values: dict[str, str | list[str]] = {
        "SOPInstanceUID": instance.uid,
        "SeriesInstanceUID": instance.series,
        "SeriesNumber": str(series.index(instance.series) + 1),
        "InstanceNumber": str(instance.number),
    }
    if instance.modality in ("CT", "MR"):
        values["FrameOfReferenceUID"] = f"{instance.series}.1"
        values["ImagePositionPatient"] = ["-160", "-160", str(instance.number * 40)]
    if study.date:
        values["PatientAge"] = _age(instance.patient.person.birth_date, study.date)
    return texts(**values)


def _age(born: dt.date, day: dt.date) -> str:
    return f"{max((day - born).days // 365, 0):03d}Y"
