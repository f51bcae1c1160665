"""Which facts of which hosts a small capture can tell (a part of plan.py's truth)."""

DEVICE = ("vendor", "model", "serial", "sw_version", "device_type", "modality", "ae_title", "department",
          "institution")
WINDOWS = ("os", "os_family", "os_build", "hostname")

TOPICS = {
    # capture: {host: fact keys}
    "dicom.pcap": {
        "mri": DEVICE + ("role",), "pacs": ("role", "device_type", "ae_title", "software"),
        "ris": ("role", "ae_title"), "film": DEVICE + ("role",), "view": ("role", "ae_title", "software")},
    "dicom-syntaxes.pcap": {
        "mri": DEVICE, "ct": DEVICE, "mg": DEVICE, "us": ("ae_title", "modality", "device_type"),
        "cr": DEVICE, "dcmroute": ("role", "ae_title", "software"), "pacs": ("ae_title", "software", "role"),
        "ris": ("ae_title", "role")},
    "hl7.pcap": {
        "his": ("role", "software", "vendor", "device_type"), "engine": ("role", "software", "vendor", "device_type"),
        "ris": ("device_type",), "xn": ("vendor", "model", "serial", "sw_version", "device_type", "role"),
        "coag": ("vendor", "model", "serial", "sw_version", "device_type", "role"), "lis": ("role",),
        "mongw": ("vendor", "model", "sw_version", "device_type", "role")},
    "bedside.pcap": {
        "glucose": ("vendor", "model", "serial", "sw_version", "device_type", "role"),
        "vent": ("vendor", "serial", "device_type", "role", "service")},
    "names.pcap": {
        "mri": WINDOWS[1:2] + ("hostname",), "ct": ("os_family", "hostname"), "cr": ("os_family", "hostname"),
        "view": ("os_family", "hostname"), "pc": ("os_family", "hostname"),
        "printer": ("vendor", "model", "serial", "hostname", "device_type"), "admin": ("os_family", "hostname"),
        "kiosk": ("software", "hostname"), "files": ("hostname",), "infra": ("role",)},
    "dhcp-relay.pcap": {
        "mri": ("os_family", "hostname"), "ct": ("os_family", "hostname"), "us": ("os_family", "hostname"),
        "cr": ("os_family", "hostname"), "mg": ("os_family", "hostname"), "view": ("os_family", "hostname"),
        "pc": ("os_family", "hostname"), "admin": ("hostname",),
        "kiosk": ("hostname", "software"), "printer": ("vendor", "model", "serial", "hostname"), "infra": ("role",)},
    "windows.pcap": {
        "mri": WINDOWS, "ct": WINDOWS, "cr": WINDOWS, "view": WINDOWS, "pc": WINDOWS,
        "files": ("role", "software", "os_family", "hostname"), "term": ("role", "software")},
    "web.pcap": {
        "web": ("software", "service", "fqdn"), "mri": ("os_family",), "ct": ("os_family",), "cr": ("os", "os_family"),
        "view": ("os_family",), "pc": ("os_family",), "admin": ()},
    "ssh-snmp.pcap": {
        "web": ("os", "os_family", "software", "service"), "printer": ("vendor",), "admin": ("os_family",)},
}
# Facts that only the capture's own scope changes.
CHANGED = {
    ("names.pcap", "cr"): {"os_family": "Windows XP or Server 2003"},
    ("web.pcap", "cr"): {"os": "Windows XP (CryptoAPI 5.131.2600.5512 = SP3)"},
    ("web.pcap", "web"): {"software": "nginx 1.22.1", "service": "http:80, https:443, https:8443"},
    ("ssh-snmp.pcap", "web"): {"software": "OpenSSH 9.2p1 Debian, vsFTPd 3.0.3", "service": "ssh:22, snmp:161, ftp:21"},
}
NOTES = {
    "dhcp-relay.pcap": ["Cut from the hospital's recording, tags removed: each request is seen from the client and "
                        "again from the relay, whose MAC is the router's."],
    "dicom-syntaxes.pcap": ["One image each in implicit little, explicit little, explicit big endian, deflated, RLE "
                            "and JPEG lossless; the router sends all on."],
    "web.pcap": ["Windows 10 and 11 both say 10.0."],
}
