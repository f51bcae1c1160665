"""Plays the RIS (worklist and MPPS server), or a film printer.

Usage: dicom_services.py ris|printer AE PORT
"""
import sys

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (ModalityPerformedProcedureStep, ModalityWorklistInformationFind,
                                  Printer, Verification)

from dicom_data import DEVICES, worklist_entry


def on_find(event):
    """Answers a worklist query with the entry of the asking station."""
    step = event.identifier.ScheduledProcedureStepSequence[0]
    for key, device in DEVICES.items():
        if device["ae"] == step.get("ScheduledStationAETitle"):
            yield 0xFF00, worklist_entry(key)


def on_create(event):
    """Accepts a performed procedure step."""
    return 0x0000, event.attribute_list


def on_set(event):
    """Accepts its change."""
    return 0x0000, event.modification_list


def on_get(_event):
    """Describes the printer itself."""
    about = Dataset()
    about.Manufacturer = "FUJIFILM Corporation"
    about.ManufacturerModelName = "DRYPIX Smart"
    about.DeviceSerialNumber = "76512044"
    about.SoftwareVersions = "V4.1"
    about.PrinterStatus = "NORMAL"
    about.PrinterStatusInfo = "NORMAL"
    about.PrinterName = "DRYPIX-XR2"
    return 0x0000, about


def main():
    """Serves until ended."""
    role, title, port = sys.argv[1:4]
    entity = AE(title)
    both = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
    entity.add_supported_context(Verification, both)
    handlers = []
    if role == "ris":
        entity.require_called_aet = True
        entity.add_supported_context(ModalityWorklistInformationFind, both)
        entity.add_supported_context(ModalityPerformedProcedureStep, both)
        handlers = [(evt.EVT_C_FIND, on_find), (evt.EVT_N_CREATE, on_create), (evt.EVT_N_SET, on_set)]
    else:
        entity.implementation_class_uid = "1.2.392.200036.9125.9.76512"
        entity.implementation_version_name = "DRYPIX_V41"
        entity.add_supported_context(Printer, both)
        handlers = [(evt.EVT_N_GET, on_get)]
    entity.start_server(("0.0.0.0", int(port)), evt_handlers=handlers)


if __name__ == "__main__":
    main()
