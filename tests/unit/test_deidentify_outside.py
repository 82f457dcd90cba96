"""What comes out is DICOM to others: David Clunie's ``dciodvfy`` finds no error that the input did not have, dcmtk reads it."""

import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from edge.deidentify.deidentify import Deidentified, Deidentifier
from schemas.sites import EXAMPLE, read_sites
from synth.dicom import image_file
from synth.world import make_world
from tests.deidentified import DEIDENTIFIER
from tests.edge_factories import HOSPITAL_NUMBERS, PSEUDONYMISER

FILES = Path(pydicom.data.__file__).parent / "test_files"
GREY = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "693_J2KI.dcm",
    "dicomdirtests/77654033/CR1/6154",
    "dicomdirtests/77654033/CR2/6247",
    "dicomdirtests/77654033/CT2/17106",
    "dicomdirtests/98892003/MR1/5641",
]

needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs Debian's dicom3tools")
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmtk is not installed (apt-get install dcmtk)")


def errors(path: Path) -> set[str]:
    """What ``dciodvfy`` calls errors, by attribute and kind, without values."""
    run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False)
    said = (run.stdout + run.stderr).decode("latin-1")
    assert re.search(r"^[A-Z]\w+$", said, re.MULTILINE), said  # it names the kind of object, so it has read it
    lines = [line for line in said.splitlines() if line.startswith("Error")]
    return {re.sub(r"(?<!Module)=\s*<[^>]*>|=\s*'[^']*'", "", line) for line in lines}


def compared(source: Path, folder: Path) -> tuple[set[str], Path]:
    """The errors that are new, and the new file."""
    given = DEIDENTIFIER.file(source)
    assert isinstance(given, Deidentified), given
    made = folder / "made.dcm"
    made.write_bytes(b"".join(given.parts))
    return errors(made) - errors(source), made


@needs_dciodvfy
@pytest.mark.parametrize("name", GREY)
def test_real_objects_have_no_new_error(name: str, tmp_path: Path) -> None:
    assert compared(FILES / name, tmp_path)[0] == set()


def dataset(**values: Any) -> Dataset:  # noqa: ANN401  # as pydicom's own setters
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, Sequence(value) if isinstance(value, list) and value and isinstance(value[0], Dataset) else value)
    return made


def code(value: str, meaning: str, scheme: str = "SCT") -> Dataset:
    return dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def patient_and_study() -> dict[str, Any]:
    return {
        "PatientName": "Doe^Jane",
        "PatientID": HOSPITAL_NUMBERS[0],
        "PatientBirthDate": "19440607",
        "PatientSex": "F",
        "StudyInstanceUID": "1.2.826.0.1.999.2",
        "SeriesInstanceUID": "1.2.826.0.1.999.3",
        "SOPInstanceUID": "1.2.826.0.1.999.4",
        "StudyDate": "20200507",
        "StudyTime": "0930",
        "ReferringPhysicianName": "Who^Doctor",
        "StudyID": "7",
        "AccessionNumber": "A7",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "ContentDate": "20200507",
        "ContentTime": "0931",
        "AcquisitionDateTime": "20200507093000",
        "AcquisitionNumber": 1,
        "Manufacturer": "Lumenray",
        "ManufacturerModelName": "Spiral 64",
        "DeviceSerialNumber": "SN42",
        "SoftwareVersions": "4.2.1",
        "FrameOfReferenceUID": "1.2.826.0.1.999.5",
        "PositionReferenceIndicator": "",
        "PatientPosition": "HFS",
        "ContentQualification": "RESEARCH",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "AcquisitionContextSequence": [],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "NumberOfFrames": 2,
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "PixelPresentation": "MONOCHROME",
        "DimensionOrganizationSequence": [dataset(DimensionOrganizationUID="1.2.826.0.1.999.6")],
        "DimensionIndexSequence": [
            dataset(
                DimensionIndexPointer=0x00200032, FunctionalGroupPointer=0x00209113, DimensionOrganizationUID="1.2.826.0.1.999.6"
            )
        ],
    }


def frame(number: int, **more: Any) -> Dataset:  # noqa: ANN401  # as above
    return dataset(
        FrameContentSequence=[
            dataset(
                FrameAcquisitionNumber=1,
                FrameReferenceDateTime="20200507093000",
                FrameAcquisitionDateTime="20200507093000",
                FrameAcquisitionDuration=1.5,
                StackID="1",
                InStackPositionNumber=number,
                DimensionIndexValues=number,
            )
        ],
        PlanePositionSequence=[dataset(ImagePositionPatient=[0, 0, number])],
        **more,
    )


def shared(**more: Any) -> list[Dataset]:  # noqa: ANN401  # as above
    return [
        dataset(
            PixelMeasuresSequence=[dataset(PixelSpacing=[1, 1], SliceThickness=1)],
            PlaneOrientationSequence=[dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            FrameAnatomySequence=[dataset(FrameLaterality="B", AnatomicRegionSequence=[code("51185008", "Chest")])],
            PixelValueTransformationSequence=[dataset(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")],
            FrameVOILUTSequence=[dataset(WindowCenter=40, WindowWidth=400, WindowCenterWidthExplanation="Lung")],
            **more,
        )
    ]


FRAME_TYPE = {
    "FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
}


def enhanced_ct() -> Dataset:
    groups = shared(
        CTImageFrameTypeSequence=[dataset(**FRAME_TYPE)],
        CTAcquisitionTypeSequence=[
            dataset(AcquisitionType="SPIRAL", TubeAngle=0.0, ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
        ],
        CTAcquisitionDetailsSequence=[
            dataset(
                RotationDirection="CW",
                RevolutionTime=0.5,
                SingleCollimationWidth=0.6,
                TotalCollimationWidth=38.4,
                TableHeight=120.0,
                GantryDetectorTilt=0.0,
                DataCollectionDiameter=500.0,
            )
        ],
        CTTableDynamicsSequence=[dataset(TableSpeed=40.0, TableFeedPerRotation=20.0, SpiralPitchFactor=1.0)],
        CTGeometrySequence=[dataset(DistanceSourceToDetector=1000.0, DistanceSourceToDataCollectionCenter=500.0)],
        CTReconstructionSequence=[
            dataset(
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
                ConvolutionKernel="Br40d",
                ConvolutionKernelGroup="BODY",
                ReconstructionDiameter=350.0,
                ReconstructionPixelSpacing=[0.7, 0.7],
                ReconstructionAngle=0.0,
                ImageFilter="none",
            )
        ],
        CTExposureSequence=[
            dataset(
                ExposureTimeInms=500.0,
                XRayTubeCurrentInmA=200.0,
                ExposureInmAs=100.0,
                ExposureModulationType="NONE",
                CTDIvol=5.0,
                CTDIPhantomTypeCodeSequence=[code("113691", "IEC Body Dosimetry Phantom", "DCM")],
            )
        ],
        CTXRayDetailsSequence=[dataset(KVP=120, FocalSpots=1.0, FilterType="NONE", FilterMaterial="ALUMINUM")],
        IrradiationEventIdentificationSequence=[dataset(IrradiationEventUID="1.2.826.0.1.999.8")],
    )
    return dataset(
        SOPClassUID=EnhancedCTImageStorage,
        Modality="CT",
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        SharedFunctionalGroupsSequence=groups,
        PerFrameFunctionalGroupsSequence=[frame(1), frame(2)],
        **patient_and_study(),
    )


def enhanced_mr() -> Dataset:
    groups = shared(
        MRImageFrameTypeSequence=[dataset(**FRAME_TYPE, ComplexImageComponent="MAGNITUDE", AcquisitionContrast="T1")],
        MRTimingAndRelatedParametersSequence=[
            dataset(
                RepetitionTime=900,
                FlipAngle=90,
                EchoTrainLength=1,
                RFEchoTrainLength=1,
                GradientEchoTrainLength=0,
                SpecificAbsorptionRateSequence=[
                    dataset(SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.5)
                ],
                GradientOutputType="DB_DT",
                GradientOutput=1.0,
                OperatingModeSequence=[dataset(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL")],
            )
        ],
        MREchoSequence=[dataset(EffectiveEchoTime=25.0)],
        MRAveragesSequence=[dataset(NumberOfAverages=1)],
        MRReceiveCoilSequence=[
            dataset(
                ReceiveCoilName="Body 18",
                ReceiveCoilManufacturerName="Lumenray",
                ReceiveCoilType="BODY",
                QuadratureReceiveCoil="YES",
            )
        ],
        MRTransmitCoilSequence=[
            dataset(TransmitCoilName="Body", TransmitCoilManufacturerName="Lumenray", TransmitCoilType="BODY")
        ],
    )
    return dataset(
        SOPClassUID=EnhancedMRImageStorage,
        Modality="MR",
        ImageType=["ORIGINAL", "PRIMARY", "T1", "NONE"],
        PulseSequenceName="se2d1",
        MRAcquisitionType="2D",
        EchoPulseSequence="SPIN",
        MultipleSpinEcho="NO",
        MagneticFieldStrength=1.5,
        ResonantNucleus="1H",
        KSpaceFiltering="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast="T1",
        ApplicableSafetyStandardAgency="IEC",
        SharedFunctionalGroupsSequence=groups,
        PerFrameFunctionalGroupsSequence=[frame(1), frame(2)],
        **patient_and_study(),
    )


def saved(made: Dataset, path: Path, syntax: str) -> Path:
    made.PixelData = bytes(256)
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax  # type: ignore[assignment]  # its setter makes a UID of it
    made.save_as(path, enforce_file_format=True)
    return path


@needs_dciodvfy
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("make", [enhanced_ct, enhanced_mr])
def test_enhanced_objects_have_no_new_error_and_lose_no_group(make: Any, syntax: str, tmp_path: Path) -> None:  # noqa: ANN401  # a function
    source = saved(make(), tmp_path / "source.dcm", syntax)
    new, path = compared(source, tmp_path)
    assert new == set()
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    groups = before.SharedFunctionalGroupsSequence[0]
    assert [element.keyword for element in after.SharedFunctionalGroupsSequence[0]] == [element.keyword for element in groups]
    positions = [each.PlanePositionSequence[0].ImagePositionPatient for each in after.PerFrameFunctionalGroupsSequence]
    assert positions == [[0, 0, 1], [0, 0, 2]]


@needs_dciodvfy
@pytest.mark.parametrize("modality", ["CR", "DX", "CT", "MR"])
def test_invented_objects_have_no_new_error(modality: str, tmp_path: Path) -> None:
    sites = read_sites(EXAMPLE)
    site, study, instance = next(
        (sites[delivery.site], sending.study, instance)
        for delivery in make_world(1, 200, sites, dt.date(2020, 11, 1)).deliveries
        for sending in delivery.sendings
        for instance in sending.instances
        if instance.modality == modality
    )
    source = tmp_path / "source.dcm"
    source.write_bytes(image_file(site, study, instance))
    assert compared(source, tmp_path)[0] == set()


@needs_dcmtk
@pytest.mark.parametrize("name", GREY)
def test_dcmtk_reads_what_comes_out(name: str, tmp_path: Path) -> None:
    given = DEIDENTIFIER.file(FILES / name)
    assert isinstance(given, Deidentified)
    path = tmp_path / "made.dcm"
    path.write_bytes(b"".join(given.parts))
    dump = subprocess.run(["dcmdump", "+W", str(tmp_path), str(path)], capture_output=True, check=False)
    assert (dump.returncode, dump.stderr) == (0, b"")


def test_nothing_of_an_invented_world_is_in_any_image_of_it() -> None:
    """Names, numbers, addresses, accession numbers, institutions and UIDs of everybody, in the image of anybody."""
    sites = read_sites(EXAMPLE)
    invented = make_world(3, 60, sites, dt.date(2020, 11, 1))
    telling = {text for person in invented.people for text in (person.nhs_number, person.family_name.upper(), person.address)}
    telling |= {patient.hospital_number for patient in invented.patients} | {site.name for site in sites.values()}
    made = []
    for delivery in invented.deliveries:
        for sending in delivery.sendings:
            telling |= {sending.study.uid, sending.study.accession}
            for instance in sending.instances:
                telling |= {instance.uid, instance.series}
                data = image_file(sites[delivery.site], sending.study, instance)
                start = data.index(b"\x08\0\5\0CS")
                made.append(
                    Deidentifier(sites[delivery.site], PSEUDONYMISER).object(memoryview(data)[start:], ExplicitVRLittleEndian)
                )
    files = [b"".join(each.parts) for each in made if isinstance(each, Deidentified)]
    assert len(files) > 100
    assert len(files) > 0.9 * len(made)
    found = {text for text in telling for file in files if text.encode("latin-1") in file}
    assert found == set()
