"""Plays one imaging device: echo, worklist, MPPS, store, storage commitment.

Usage: dicom_device.py KEY ARCHIVE:PORT:AE RIS:PORT:AE [--store-to IP:PORT:AE]
       [--syntax implicit|explicit|big|deflated] [--images N] [--big SIDE]
       [--user] [--no-store] [--no-commit] [--echo-only] [--print IP:PORT:AE]
"""
import argparse
import sys
import time

from pydicom.dataset import Dataset
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
                         ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid)
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation, UserIdentityNegotiation
from pynetdicom.sop_class import (ModalityPerformedProcedureStep, ModalityWorklistInformationFind,
                                  Printer, StorageCommitmentPushModel,
                                  Verification)

import canaries
from dicom_data import DEVICES, UIDS, image, mpps_create, mpps_set, worklist_query

SYNTAX = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian,
          "big": ExplicitVRBigEndian, "deflated": DeflatedExplicitVRLittleEndian}
PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"
COMMIT_INSTANCE = "1.2.840.10008.1.20.1.1"


class Device:
    """One device: its associations all carry its own titles and implementation UID."""

    def __init__(self, key):
        self.key = key
        self.about = DEVICES[key]
        self.ae = AE(self.about["ae"])
        if self.about["class_uid"]:
            self.ae.implementation_class_uid = self.about["class_uid"]
            self.ae.implementation_version_name = self.about["version"]
        self.ae.maximum_pdu_size = self.about["max_pdu"]
        self.ae.acse_timeout = self.ae.dimse_timeout = 10
        self.failures = 0

    def open(self, peer, contexts, ext_neg=None):
        """Opens an association that proposes `contexts` [(abstract, [transfer])]."""
        ip, port, title = peer.split(":")
        self.ae.requested_contexts = []
        for abstract, transfers in contexts:
            self.ae.add_requested_context(abstract, transfers)
        link = self.ae.associate(ip, int(port), ae_title=title, max_pdu=self.about["max_pdu"],
                                 ext_neg=ext_neg or [])
        if not link.is_established:
            self.failures += 1
            print(f"{self.key}: no association with {title}")
        return link

    def check(self, what, status):
        """Counts a failed operation."""
        code = getattr(status, "Status", None)
        if code is None or code not in (0x0000, 0xFF00, 0xFF01):
            self.failures += 1
        print(f"{self.key}: {what}: {code if code is None else hex(code)}")

    def identity(self):
        """User identity item with user name and passcode."""
        item = UserIdentityNegotiation()
        item.user_identity_type = 2
        item.positive_response_requested = False
        item.primary_field = canaries.ACCOUNTS["dicom_user"].encode()
        item.secondary_field = canaries.ACCOUNTS["dicom_pass"].encode()
        return item

    def echo(self, peer):
        """C-ECHO."""
        link = self.open(peer, [(Verification, [ImplicitVRLittleEndian])])
        if link.is_established:
            self.check("C-ECHO", link.send_c_echo())
            link.release()

    def worklist(self, peer, user=False):
        """Modality worklist query."""
        link = self.open(peer, [(ModalityWorklistInformationFind,
                                 [ImplicitVRLittleEndian, ExplicitVRLittleEndian])],
                         ext_neg=[self.identity()] if user else None)
        if link.is_established:
            for status, _ in link.send_c_find(worklist_query(self.about),
                                              ModalityWorklistInformationFind):
                self.check("C-FIND worklist", status)
            link.release()

    def mpps(self, peer, instance, done):
        """MPPS N-CREATE at the start, N-SET at the end."""
        link = self.open(peer, [(ModalityPerformedProcedureStep, [ImplicitVRLittleEndian])])
        if link.is_established:
            if done:
                status, _ = link.send_n_set(mpps_set(self.key), ModalityPerformedProcedureStep, instance)
            else:
                status, _ = link.send_n_create(mpps_create(self.key),
                                               ModalityPerformedProcedureStep, instance)
            self.check("N-SET" if done else "N-CREATE", status)
            link.release()

    def store(self, peer, images, syntax):
        """C-STORE of all images on one association."""
        link = self.open(peer, [(UIDS[self.about["modality"]], [syntax]), (UIDS["SC"], [syntax]),
                                (Verification, [ImplicitVRLittleEndian])])
        if link.is_established:
            for number, data in enumerate(images, 1):
                self.check("C-STORE", link.send_c_store(data, msg_id=number))
            link.release()

    def commit(self, peer, images, port=104):
        """Storage commitment; the archive answers on an association of its own."""
        answers = []

        def on_report(event):
            answers.append(event.event_type)
            return 0x0000, None

        listener = AE(self.about["ae"])
        if self.about["class_uid"]:
            listener.implementation_class_uid = self.about["class_uid"]
            listener.implementation_version_name = self.about["version"]
        listener.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        listener.add_supported_context(Verification)
        server = listener.start_server(("0.0.0.0", port), block=False,
                                       evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)])
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = StorageCommitmentPushModel, True, False
        link = self.open(peer, [(StorageCommitmentPushModel, [ImplicitVRLittleEndian])], [role])
        if link.is_established:
            request = Dataset()
            request.TransactionUID = generate_uid(prefix=self.about["uid_root"] + ".8.")
            request.ReferencedSOPSequence = []
            for data in images:
                item = Dataset()
                item.ReferencedSOPClassUID = data.SOPClassUID
                item.ReferencedSOPInstanceUID = data.SOPInstanceUID
                request.ReferencedSOPSequence.append(item)
            status, _ = link.send_n_action(request, 1, StorageCommitmentPushModel, COMMIT_INSTANCE)
            self.check("N-ACTION", status)
            link.release()
        for _ in range(80):
            if answers:
                break
            time.sleep(0.1)
        print(f"{self.key}: N-EVENT-REPORT {answers}")
        self.failures += not answers
        server.shutdown()

    def printer(self, peer):
        """N-GET of the film printer's description."""
        link = self.open(peer, [(Printer, [ImplicitVRLittleEndian])])
        if link.is_established:
            status, _ = link.send_n_get([0x00080070, 0x00081090, 0x00181000, 0x00181020, 0x21100010,
                                         0x21100020, 0x21100030], Printer, PRINTER_INSTANCE)
            self.check("N-GET printer", status)
            link.release()


def main():
    """Plays one examination."""
    parse = argparse.ArgumentParser()
    parse.add_argument("key")
    parse.add_argument("archive")
    parse.add_argument("ris")
    parse.add_argument("--store-to")
    parse.add_argument("--print")
    parse.add_argument("--syntax", default="explicit", choices=SYNTAX)
    parse.add_argument("--images", type=int, default=2)
    parse.add_argument("--big", type=int, default=0)
    for flag in ("user", "no-store", "no-commit", "echo-only"):
        parse.add_argument(f"--{flag}", action="store_true")
    args = parse.parse_args()
    device = Device(args.key)
    device.echo(args.archive)
    if not args.echo_only:
        syntax = SYNTAX[args.syntax]
        sides = [32] * args.images + ([args.big] if args.big else [])
        images = [image(args.key, n, side, syntax) for n, side in enumerate(sides, 1)]
        instance = device.about["uid_root"] + ".77.1"
        device.worklist(args.ris, args.user)
        device.mpps(args.ris, instance, done=False)
        if not args.no_store:
            device.store(args.store_to or args.archive, images, syntax)
        device.mpps(args.ris, instance, done=True)
        if not args.no_commit:
            device.commit(args.archive, images)
        if args.print:
            device.printer(args.print)
    return 1 if device.failures else 0


if __name__ == "__main__":
    sys.exit(main())
