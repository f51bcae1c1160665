"""HL7 v2 messages of the lab, with planted patients (see canaries.py)."""
import canaries

TEXTS = canaries.TEXTS


def pid(key, charset_hint=""):
    """PID and NK1 segments of the planted patient."""
    family, given, number, birth, phone, street, kin = canaries.HL7[key]
    return [f"PID|1||{number}^^^HOSHI^MR||{family}^{given}^^^^^L{charset_hint}||{birth}|F|||"
            f"{street}^^Hoshikawa^^999-0001^JP||{phone}|||S|||||{TEXTS['insurance']}",
            f"NK1|1|{kin}|SPO|{street}|{phone}"]


def header(app, facility, to_app, to_facility, kind, control, version="2.5.1", charset="",
           profile="", security=""):
    """MSH segment."""
    tail = f"|||AL|NE|JPN|{charset}|JPN||{profile}" if charset or profile else ""
    return (f"MSH|^~\\&|{app}|{facility}|{to_app}|{to_facility}|20260302091455+0900|{security}|"
            f"{kind}|{control}|P|{version}{tail}")


def adt():
    """Admission from the HIS, with software segment."""
    return [header("MINATOHIS", "HOSHIKAWA", "KAKEHASHI", "HOSHIKAWA", "ADT^A01^ADT_A01", "HIS000101",
                   security=TEXTS["hl7_password"]),
            "SFT|Minato Systems|7.3.0|Minato HIS|bin-7300-20251104",
            "EVN|A01|20260302091455",
            *pid("adt"),
            f"PV1|1|I|ICU^03^2^HOSHI||||1201^Nebelkrahenberg^Sixtus|||||||||||{TEXTS['visit']}",
            f"DG1|1||I99^{TEXTS['diagnosis']}^I10"]


def adt_utf8():
    """Transfer with a UTF-8 patient."""
    return [header("MINATOHIS", "HOSHIKAWA", "KAKEHASHI", "HOSHIKAWA", "ADT^A02^ADT_A02", "HIS000102",
                   charset="UNICODE UTF-8"),
            "SFT|Minato Systems|7.3.0|Minato HIS|bin-7300-20251104",
            "EVN|A02|20260302092000", *pid("utf"), "PV1|1|I|W5^12^1^HOSHI"]


def adt_jis():
    """Registration in ISO-2022-JP."""
    return [header("MINATOHIS", "HOSHIKAWA", "KAKEHASHI", "HOSHIKAWA", "ADT^A04^ADT_A01", "HIS000103",
                   charset="ASCII~ISO IR87"),
            "SFT|Minato Systems|7.3.0|Minato HIS|bin-7300-20251104",
            "EVN|A04|20260302092100", *pid("jis"), "PV1|1|O|OPD2^^^HOSHI",
            f"OBX|1|ST|8716-3^VITAL^LN||{TEXTS['japanese_obx']}||||||F"]


def adt_sjis():
    """Update in Shift_JIS, labelled as a vendor would."""
    return [header("MINATOHIS", "HOSHIKAWA", "KAKEHASHI", "HOSHIKAWA", "ADT^A08^ADT_A01", "HIS000104",
                   version="2.4", charset="ISO IR87"),
            "EVN|A08|20260302092200", *pid("sjis"), "PV1|1|O|OPD3^^^HOSHI"]


def orm():
    """Radiology order that the engine passes on to the RIS."""
    return [header("KAKEHASHI", "HOSHIKAWA", "HOSHIRIS", "RADIOLOGY", "ORM^O01^ORM_O01", "KKL000501"),
            "SFT|Kakehashi Interop KK|4.2.1|Kakehashi Link|build-4210",
            *pid("orm"), "PV1|1|O|RAD^^^HOSHI",
            f"ORC|NW|{TEXTS['order_number']}",
            f"OBR|1|{TEXTS['order_number']}||MRHEAD^{TEXTS['order']}|||20260302||||||{TEXTS['note']}",
            f"NTE|1||{TEXTS['note']}"]


def oru_analyser():
    """Blood count from the analyser with its equipment id in OBX-18."""
    unit = "XN-1000^Sysmex^24683^L"
    head = header("XN-1000", "SYSMEX", "KAKEHASHI", "HOSHIKAWA", "ORU^R01^ORU_R01", "XN00002468",
                  profile="LAB-29^IHE")
    return [head, "SFT|Sysmex Corporation|00-21|XN-1000|00-21_Build8",
            *pid("lab"),
            f"OBR|1||{TEXTS['specimen']}|58410-2^CBC^LN|||20260302084011",
            f"OBX|1|NM|6690-2^WBC^LN||6.2|10*3/uL|||||F|||20260302084011|||XN|{unit}|20260302084011",
            f"OBX|2|ST|8251-1^COMMENT^LN||{TEXTS['obx']}||||||F|||20260302084011|||XN|{unit}",
            f"NTE|1|L|{TEXTS['note']}"]


def oru_monitors():
    """Observations of two bedside monitors through the gateway (IHE PCD-01)."""
    out = [header("PIIC_GATEWAY^0009FBFFFF054051^EUI-64", "ICU-A", "KAKEHASHI", "HOSHIKAWA",
                  "ORU^R01^ORU_R01", "PIC00077001", version="2.6", charset="UNICODE UTF-8",
                  profile="IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"),
           "SFT|Philips Medical Systems|C.03.12|IntelliVue Information Center|C.03.12.0",
           *pid("mon"), "PV1|1|I|ICU^^BED03",
           "OBR|1|||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||20260302091400"]
    for bed, eui in (("MX800-03", "0009FBFFFF059322"), ("MX700-04", "0009FBFFFF05A117")):
        device = f"{bed}^^{eui}^EUI-64"
        out += [f"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||{device}",
                f"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|71|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R"
                f"|||20260302091400||||{device}"]
    out.append(f"NTE|1|L|{TEXTS['note']}")
    # v2.7 style participation segment: the infusion pump of the same bed
    out.append("PRT|1|UC||EQUIP^Equipment^HL70912||||||LVP-8015^BD^9F1B0000AA11^EUI-64||||||"
               "(01)10885403801518||||13918842||44063^Pump^GMDN")
    return out


def oru_sloppy():
    """What careless senders do: LF line ends, no end of last segment."""
    return [header("OLDLAB", "", "KAKEHASHI", "HOSHIKAWA", "ORU^R01", "OL7", version="2.3"),
            *pid("sloppy"), "OBR|1||77|GLU", f"OBX|1|ST|GLU||{TEXTS['obx']}||||||F"]


def forwarded(lines, control):
    """The engine's own copy: sender replaced, rest unchanged."""
    fields = lines[0].split("|")
    fields[2], fields[3], fields[4], fields[9] = "KAKEHASHI", "HOSHIKAWA", "HOSHIRIS", control
    return ["|".join(fields)] + ["SFT|Kakehashi Interop KK|4.2.1|Kakehashi Link|build-4210"] + \
        [line for line in lines[1:] if not line.startswith("SFT")]


def encode(lines, codec="ascii", end="\r", last=True):
    """MLLP frame of a message."""
    text = end.join(lines) + (end if last else "")
    return b"\x0b" + text.encode(codec) + b"\x1c\r"


MESSAGES = {
    "adt": lambda: encode(adt()),
    "adt-utf8": lambda: encode(adt_utf8(), "utf-8"),
    "adt-jis": lambda: encode(adt_jis(), "iso2022_jp"),
    "adt-sjis": lambda: encode(adt_sjis(), "shift_jis"),
    "orm": lambda: encode(orm()),
    "oru-analyser": lambda: encode(oru_analyser()),
    "oru-monitors": lambda: encode(oru_monitors(), "utf-8"),
    "oru-sloppy": lambda: encode(oru_sloppy(), end="\n", last=False),
    "adt-forwarded": lambda: encode(forwarded(adt(), "KKL000502")),
    "oru-forwarded": lambda: encode(forwarded(oru_analyser(), "KKL000503")),
}

ASTM = [
    "H|\\^&|||CS-2500^01-70^21879^^^^BV981798||||||||E1394-97|20260302101500",
    f"P|1||{TEXTS['astm_id']}||{TEXTS['astm_patient']}||19640307|F",
    f"O|1|{TEXTS['astm_sample']}||^^^050^PT|R||||||||||||||||||||F",
    "R|1|^^^050^PT|11.9|s||N||F||||20260302101455",
    "L|1|N",
]
