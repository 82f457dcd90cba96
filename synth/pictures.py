"""What makes an image of each modality one: its SOP class, its module attributes, and a few small pixels of a chest."""

from dataclasses import dataclass
from functools import cache

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    UltrasoundImageStorage,
)

from synth.elements import Encoded, encoded

_SIZE = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of image."""

    sop_class: UID
    series: str
    model: str
    elements: Encoded


@cache
def kind(modality: str) -> Kind:
    """The kind of image that a modality makes: attributes of PS3.3 annexes A.2 (CR), A.26 (DX), A.3 (CT), A.4 (MR), A.6 (US)."""
    return {"CR": _cr, "DX": _dx, "CT": _ct, "MR": _mr, "US": _us}[modality]()


def _cr() -> Kind:
    values = _dataset(ViewPosition="AP", KVP="85", PlateID="P0042", PatientOrientation=["L", "F"], LossyImageCompression="00")
    return _kind("CR", ComputedRadiographyImageStorage, "Chest AP mobile", "Cassette 7", values, _pixels(12))


def _dx() -> Kind:
    values = _dataset(
        PresentationIntentType="FOR PRESENTATION",
        ImageType=["ORIGINAL", "PRIMARY", ""],
        ImageLaterality="U",
        PatientOrientation=["L", "F"],
        AnatomicRegionSequence=Sequence([_code("51185008", "Chest")]),
        ViewPosition="PA",
        ViewCodeSequence=Sequence([_view()]),
        AcquisitionContextSequence=Sequence([]),
        DetectorType="DIRECT",
        ImagerPixelSpacing=["10.0", "10.0"],
        KVP="125",
        PixelIntensityRelationship="LOG",
        PixelIntensityRelationshipSign=1,
        RescaleIntercept="0",
        RescaleSlope="1",
        RescaleType="US",
        PresentationLUTShape="IDENTITY",
        LossyImageCompression="00",
        BurnedInAnnotation="NO",
        WindowCenter="2048",
        WindowWidth="4096",
    )
    return _kind("DX", DigitalXRayImageStorageForPresentation, "Chest PA", "Wallstand DR", values, _pixels(12))


def _ct() -> Kind:
    values = _dataset(
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        AcquisitionNumber="1",
        KVP="120",
        RescaleIntercept="-1024",
        RescaleSlope="1",
        RescaleType="HU",
        **_SLICE,
    )
    return _kind("CT", CTImageStorage, "Thorax 1.25 lung", "Spiral 64", values, _pixels(12))


def _mr() -> Kind:
    values = _dataset(
        ImageType=["ORIGINAL", "PRIMARY", "OTHER"],
        ScanningSequence="SE",
        SequenceVariant="NONE",
        ScanOptions="",
        MRAcquisitionType="2D",
        RepetitionTime="900",
        EchoTime="25",
        EchoTrainLength="1",
        MagneticFieldStrength="1.5",
        **_SLICE,
    )
    return _kind("MR", MRImageStorage, "Cardiac cine", "Quiet 1.5T", values, _pixels(12))


def _us() -> Kind:
    values = _dataset(
        ImageType=["ORIGINAL", "PRIMARY"],
        LossyImageCompression="00",
        TransducerData=["L12-3", "", ""],
        PatientOrientation="",
        BurnedInAnnotation="NO",
    )
    return _kind("US", UltrasoundImageStorage, "Lung bases", "Sono 5", values, _pixels(8))


_SLICE: dict[str, object] = {
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PixelSpacing": ["10.0", "10.0"],
    "SliceThickness": "1.25",
    "PositionReferenceIndicator": "",
    "PatientPosition": "HFS",
}


def _kind(modality: str, sop_class: UID, series: str, model: str, values: Dataset, pixels: Dataset) -> Kind:
    values.Modality, values.SOPClassUID = modality, sop_class
    return Kind(sop_class, series, model, {**encoded(values), **encoded(pixels)})


def _view() -> Dataset:
    view = _code("272479007", "Postero-anterior")
    view.ViewModifierCodeSequence = Sequence([])
    return view


def _code(value: str, meaning: str) -> Dataset:
    return _dataset(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)


def _pixels(bits: int) -> Dataset:
    """The image pixel module (PS3.3 C.7.6.3): two dark lungs in a brighter chest."""
    size = 8 if bits == 8 else 16
    shades = [_shade(x, y, (1 << bits) - 1) for y in range(_SIZE) for x in range(_SIZE)]
    data = b"".join(shade.to_bytes(size // 8, "little") for shade in shades)
    values = _dataset(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=_SIZE,
        Columns=_SIZE,
        BitsAllocated=size,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=0,
    )
    values.add_new("PixelData", "OB" if size == 8 else "OW", data)
    return values


def _dataset(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _shade(x: int, y: int, white: int) -> int:
    lungs = ((x - 9) / 5) ** 2 + ((y - 16) / 10) ** 2 < 1 or ((x - 22) / 5) ** 2 + ((y - 16) / 10) ** 2 < 1
    body = ((x - 15.5) / 15) ** 2 + ((y - 16) / 15) ** 2 < 1
    return white // 4 if lungs else (white * 3 // 4 if body else 0)
