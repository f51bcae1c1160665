"""Imaging devices of the lab and the data sets that they send."""
import random

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import canaries

UIDS = {
    "CR": "1.2.840.10008.5.1.4.1.1.1", "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4", "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2", "SC": "1.2.840.10008.5.1.4.1.1.7",
}

# What each device says about itself. `uid_root` heads its instance UIDs.
DEVICES = {
    "mr": {
        "modality": "MR", "ae": "MRC41587", "manufacturer": "SIEMENS", "model": "MAGNETOM Skyra",
        "serial": "41587", "software": ["syngo MR E11"],
        "station": "AWP41587", "institution": "Hoshikawa University Hospital",
        "department": "Radiology MR1", "class_uid": "1.3.12.2.1107.5.2",
        "version": "MR_VE11C", "max_pdu": 262144, "uid_root": "1.3.12.2.1107.5.2.19.41587",
        "device_uid": "1.3.12.2.1107.5.2.19.41587.1", "charset": "ISO_IR 100",
        "private": ("SIEMENS CSA HEADER", 0x0029)},
    "ct": {
        "modality": "CT", "ae": "AQONE1", "manufacturer": "CANON_MEC", "model": "Aquilion ONE",
        "serial": "1ACAN20B22", "software": ["V10.10ER003"],
        "station": "AQONE-CON1", "institution": "星川大学医学部附属病院",
        "department": "放射線部CT2", "class_uid": "1.2.392.200036.9116.7.8.1.1",
        "version": "TM_CT_CMW_V3.00", "max_pdu": 32768, "uid_root": "1.2.392.200036.9116.2.6.1.48.2022",
        "device_uid": "1.2.392.200036.9116.2.6.1.48.2022.9", "charset": ["", "ISO 2022 IR 87"],
        "private": ("TOSHIBA_MEC_CT3", 0x7005)},
    "us": {
        "modality": "US", "ae": "EPIQ7_ECHO", "manufacturer": "Philips Medical Systems",
        "model": "EPIQ 7G", "serial": "US723C0912",
        "software": ["EPIQ 7G_7.0.5.1122"], "station": "EPIQ7-ECHO2",
        "institution": "Hoshikawa University Hospital", "department": "Cardiology",
        "class_uid": "1.3.46.670589.14.10000.705", "version": "EPIQ-AFFIN_7.05",
        "max_pdu": 32768, "uid_root": "1.3.46.670589.14.1000.210.4.723912",
        "device_uid": "1.3.46.670589.14.1000.210.4.723912.7", "charset": "ISO_IR 100",
        "private": ("Philips US Imaging DD 017", 0x200D)},
    "cr": {
        "modality": "CR", "ae": "FCRCAPS2", "manufacturer": "FUJIFILM Corporation",
        "model": "CR-IR 363", "serial": "96470218",
        "software": ["A09-05"], "station": "FCR-CAPS2", "institution": "Hoshikawa University Hospital",
        "department": "Emergency", "class_uid": None, "version": None, "max_pdu": 16384,
        "uid_root": "1.2.392.200036.9125.2.96470218", "device_uid": "1.2.392.200036.9125.2.96470218.3",
        "charset": "ISO_IR 100", "private": ("FDMS 1.0", 0x0009)},
    "mg": {
        "modality": "MG", "ae": "DIMS_MG1", "manufacturer": "HOLOGIC, Inc.",
        "model": "Selenia Dimensions", "serial": "81003140877",
        "software": ["AWS:1.9.1.34", "PXCM:1.8.0.4", "DTC:2.0.8.0", "GEN:2.1.5.0", "DIR:1.7.4.2"],
        "station": "HOLOGIC-MG1", "institution": "Hoshikawa University Hospital",
        "department": "Breast Centre", "class_uid": "1.2.840.114089.1.0.0.3.3.22",
        "version": "DCF 3.3.22c", "max_pdu": 65536, "uid_root": "1.2.840.113681.2750824977.7",
        "device_uid": "1.2.840.113681.2750824977.7.1", "charset": "ISO_IR 100",
        "private": ("HOLOGIC, Inc.", 0x0019)},
}


def worklist_query(device):
    """C-FIND identifier of a modality that asks for its own list."""
    step = Dataset()
    step.Modality = device["modality"]
    step.ScheduledStationAETitle = device["ae"]
    step.ScheduledStationName = ""
    step.ScheduledProcedureStepStartDate = ""
    step.ScheduledProcedureStepDescription = ""
    query = Dataset()
    query.PatientName = ""
    query.PatientID = ""
    query.PatientBirthDate = ""
    query.AccessionNumber = ""
    query.ReferringPhysicianName = ""
    query.RequestedProcedureDescription = ""
    query.ScheduledProcedureStepSequence = [step]
    return query


def set_patient(data, key):
    """Puts the planted patient of `key` into a data set."""
    name, number, birth, accession, phone, referring, study = canaries.PATIENTS[key]
    data.PatientName = name
    data.PatientID = number
    data.PatientBirthDate = birth
    data.PatientSex = "O"
    data.PatientTelephoneNumbers = phone
    data.AccessionNumber = accession
    data.ReferringPhysicianName = referring
    data.StudyDescription = study


def worklist_entry(key):
    """The matching worklist entry."""
    device = DEVICES[key]
    entry = Dataset()
    entry.SpecificCharacterSet = device["charset"]
    set_patient(entry, key)
    del entry.StudyDescription
    entry.RequestedProcedureDescription = canaries.PATIENTS[key][6]
    entry.StudyInstanceUID = study_uid(key)
    step = Dataset()
    step.Modality = device["modality"]
    step.ScheduledStationAETitle = device["ae"]
    step.ScheduledStationName = device["station"]
    step.ScheduledProcedureStepStartDate = "20260302"
    step.ScheduledProcedureStepStartTime = "091500"
    step.ScheduledProcedureStepDescription = canaries.PATIENTS[key][6]
    step.ScheduledProcedureStepID = f"SPS{key.upper()}1"
    entry.ScheduledProcedureStepSequence = [step]
    return entry


def study_uid(key):
    """Study Instance UID of the device's only study."""
    return DEVICES[key]["uid_root"] + ".20260302.1"


def mpps_create(key):
    """N-CREATE attribute list: the examination starts."""
    device = DEVICES[key]
    data = Dataset()
    data.SpecificCharacterSet = device["charset"]
    name, number, birth, accession, _, _, study = canaries.PATIENTS[key]
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = name, number, birth, "O"
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study_uid(key)
    scheduled.AccessionNumber = accession
    scheduled.RequestedProcedureDescription = study
    data.ScheduledStepAttributesSequence = [scheduled]
    data.PerformedStationAETitle = device["ae"]
    data.PerformedStationName = device["station"]
    data.PerformedLocation = device["department"]
    data.PerformedProcedureStepStartDate = "20260302"
    data.PerformedProcedureStepStartTime = "092011"
    data.PerformedProcedureStepID = f"PPS{key.upper()}1"
    data.PerformedProcedureStepStatus = "IN PROGRESS"
    data.PerformedProcedureStepDescription = study
    data.Modality = device["modality"]
    data.PerformedSeriesSequence = []
    return data


def mpps_set(key):
    """N-SET modification list: the examination is over."""
    data = Dataset()
    data.SpecificCharacterSet = DEVICES[key]["charset"]
    data.PerformedProcedureStepStatus = "COMPLETED"
    data.PerformedProcedureStepEndDate = "20260302"
    data.PerformedProcedureStepEndTime = "093502"
    series = Dataset()
    series.PerformingPhysicianName = canaries.PATIENTS[key][5]
    series.ProtocolName = "STANDARD"
    series.SeriesInstanceUID = DEVICES[key]["uid_root"] + ".20260302.1.1"
    series.SeriesDescription = canaries.PATIENTS[key][6]
    series.RetrieveAETitle = "HOSHIPACS"
    series.ReferencedImageSequence = []
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    data.PerformedSeriesSequence = [series]
    return data


def image(key, number=1, side=32, syntax=ExplicitVRLittleEndian):
    """One image with equipment elements, planted patient data and little pixel data."""
    device = DEVICES[key]
    data = Dataset()
    data.SpecificCharacterSet = device["charset"]
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.InstanceCreatorUID = device["uid_root"]
    data.SOPClassUID = UIDS[device["modality"]]
    data.SOPInstanceUID = f"{device['uid_root']}.20260302.1.1.{number}"
    data.StudyDate = data.SeriesDate = data.ContentDate = "20260302"
    data.StudyTime = data.SeriesTime = data.ContentTime = "092011"
    set_patient(data, key)
    data.Modality = device["modality"]
    data.Manufacturer = device["manufacturer"]
    data.InstitutionName = device["institution"]
    data.StationName = device["station"]
    data.InstitutionalDepartmentName = device["department"]
    data.ManufacturerModelName = device["model"]
    data.SeriesDescription = "STANDARD"
    data.OperatorsName = canaries.PATIENTS[key][5]
    data.BodyPartExamined = "CHEST"
    data.DeviceSerialNumber = device["serial"]
    data.SoftwareVersions = device["software"]
    data.ProtocolName = "STANDARD"
    data.DeviceUID = device["device_uid"]
    data.StudyInstanceUID = study_uid(key)
    data.SeriesInstanceUID = device["uid_root"] + ".20260302.1.1"
    data.StudyID = "1"
    data.SeriesNumber = 1
    data.InstanceNumber = number
    creator, group = device["private"]
    block = data.private_block(group, creator, create=True)
    block.add_new(0x01, "LO", "LAB")
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows = data.Columns = side
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = 0
    if device["modality"] == "MG":
        data.PresentationIntentType = "FOR PRESENTATION"
        data.ImageLaterality = "L"
    noise = random.Random(number)
    pixels = bytearray()
    for _ in range(side * side):
        pixels += noise.randrange(4096).to_bytes(2, "little")
    data.PixelData = bytes(pixels)
    data["PixelData"].VR = "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    return data
