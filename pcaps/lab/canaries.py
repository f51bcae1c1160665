"""Planted personal data. No output of the sensor may hold any of these lines.

Every string is invented, at least eight characters long, and used nowhere but
in fields that carry personal data. `python canaries.py FILE` writes the list.
"""
import base64
import sys

PATIENTS = {
    # key: name (DICOM form), id, birth date, accession, phone, referring physician, study text
    "mr": ("Zwirnlachs^Ottokar", "PX7Q4M0001", "19470311", "ACCMR88120431", "0901-55-71310",
           "Quendelmeier^Hrodwyn", "Kopf nativ bei Verdacht Zwirbelnuss"),
    "ct": ("Saginumayama^Unosukee=鷺沼山^鵜之助衛門=さぎぬまやま^うのすけえもん", "PX7Q4C0002",
           "19380527", "ACCCT88120432", "0901-55-71311", "Ubukatamori^Kiyoharu=生方森^清春左衛門",
           "胸部造影鷺沼検査特記"),
    "us": ("Brackenthwaite^Ysolde", "PX7Q4U0003", "19560930", "ACCUS88120433", "0901-55-71312",
           "Featherstonhaugh^Ignace", "Echo Brackenwald Verlauf"),
    "cr": ("Ohnezorgova^Ludmilena", "PX7Q4R0004", "19710815", "ACCCR88120434", "0901-55-71313",
           "Wyszomierski^Bogumil", "Thorax Ohnezorg liegend"),
    "mg": ("Pumpernickle^Hildegunde", "PX7Q4G0005", "19620204", "ACCMG88120435", "0901-55-71314",
           "Krautschneider^Ludolf", "Mammo Pumperscreening"),
}
HL7 = {
    "adt": ("Klabautermann", "Theophania", "HX5519001", "19510707", "0902-66-81401",
            "Nixenweiher 17b", "Klabautermann-Zweig"),
    "orm": ("Querfeldein", "Adalberta", "HX5519002", "19490123", "0902-66-81402",
            "Moorhexengasse 4", "Querfeldein-Sohn"),
    "lab": ("Mitternachter", "Kunigunde", "HX5519003", "19660619", "0902-66-81403",
            "Irrlichtpfad 99", "Mitternachter-Ehe"),
    "mon": ("Siebenschlafer", "Wendelgard", "HX5519004", "19430901", "0902-66-81404",
            "Haselmausweg 12", "Siebenschlafer-Kind"),
    "jis": ("蓬莱寺野原田右衛門", "阿弥陀丸助左衛門尉", "HX5519005", "19391103", "0902-66-81405",
            "架空県蓬莱市鵺塚町七丁目", "蓬莱寺野原田長男子"),
    "utf": ("綾小路原麿呂右衛門", "篠之助衛門左近尉", "HX5519006", "19550414", "0902-66-81406",
            "架空県綾瀬市鵜沼町二丁目", "綾小路原麿呂長女子"),
    "sjis": ("御手洗川瀬戸右近尉", "弁天丸之介左近将監", "HX5519007", "19600229", "0902-66-81407",
             "架空県御手洗市狸穴町三丁目", "御手洗川瀬戸次男子"),
    "sloppy": ("Regenpfeiffer", "Gottschalka", "HX5519008", "19480812", "0902-66-81408",
               "Schlammgrundel 3", "Regenpfeiffer-Base"),
}
TEXTS = {
    "order": "Glossopharyngeus-Rezeptur 4711X",
    "note": "Patientin berichtet Traumfalterei",
    "obx": "Befundtext Zwielichtkeim positiv",
    "diagnosis": "Morbus Kummerspeckius rechts",
    "japanese_obx": "所見鵺塚症候群疑陽性",
    "order_number": "ORDNR-550817-KX",
    "specimen": "SPEC-20417733-QZ",
    "visit": "VISIT-9081726-WW",
    "insurance": "VERSNR-A778812345",
    "hl7_password": "Msh8-Geheimwort-Xi",
    "astm_patient": "Dudelsackers^Melusine",
    "astm_id": "HX5519009AB",
    "poct_id": "HX5519010CD",
    "poct_name": "Rumpelwichtel^Ottokarine",
    "poct_operator": "OPR-Sumpfohreule-31",
    "astm_sample": "SAMPLE-66120934-T",
    "mail_subject": "Befundbericht Steinschmaetzer-Waldtraut",
    "carescape_name": "WACHTELKOENIG",
    "monitor_family": "Ziegenmelkers", "monitor_given": "Philomenia", "monitor_id": "HX5519011EF",
    "phd_note": "Messung-Eichelhaeherin-K",
    "vidas_id": "HX5519012GH", "vidas_name": "ROHRSAENGER^BALDUINE",
    "job_name": "Arztbrief_Rauchschwalbe.pcl", "job_text": "Entlassbrief Mehlschwalberich",
    "label_name": "Feldschwirl^Notburga", "label_id": "HX5519013IJ",
    "capwap_place": "Zimmer-Ortolan-14",
}
ACCOUNTS = {
    "dicom_user": "sono.heidekraut", "dicom_pass": "Passcode-Wollgras-81",
    "rest_user": "rest.sumpfdotter", "rest_pass": "Kennwort-Binsen-27",
    "smb_user": "usr.rohrdommel", "smb_xp_user": "usr.wasserralle",
    "smb_w10_user": "usr.tuepfelsumpf",
    "smb_file": "Arztbrief_Zwirnlachs_1947.docx", "smb_dir": "Befunde_Haubentaucher",
    "rdp_user": "rdp.bekassine", "rdp_xp_user": "rdp.zwergtaucher",
    "rdp_real_user": "rdp.kampflaeufer",
    "ftp_user": "ftpkonto-kiebitz", "ftp_pass": "Kennwort-Seggen-58",
    "ftp_file": "Export_Brackenthwaite.csv",
    "snmp_community": "Gemeinschaft-Moorfrosch",
    "cookie": "sitzung-7f3a9c-Libellenlarve", "bearer": "Bearer-Wasserlaeufer-0aa91",
    "http_query": "Patientensuche-Unkenruf",
    "http_path": "akte-Teichhuhn-552013",
    "form_value": "Formular-Gelbbauchunke-7",
    "mqtt_user": "mqtt.goldammer", "mqtt_pass": "Kennwort-Rispen-44",
    "mqtt_topic": "station3/Blaukehlchen-Hubertina/temperatur", "mqtt_text": "冷蔵庫注射薬雲雀丘花子様分",
    "radius_user": "usr.strandlaeufer", "snmp3_user": "snmp.uferschnepfe",
    "snmp_walk": "Gemeinschaft-Feuersalamander",
    "ldap_user": "usr.zaunkoenig", "ldap_pass": "Kennwort-Simsen-63", "ldap_name": "蓮華寺坂上医師之助",
    "krb_user": "usr.gartenrotschwanz",
    "sip_user": "tel.wendehals", "sip_name": "狐塚看護師長子", "sip_other": "tel.nachtigall",
    "rtsp_user": "kamera.schwarzspecht", "rtsp_pass": "Kennwort-Schilf-17", "rtsp_path": "Zimmer-Turteltaube-12",
    "vnc_name": "Desktop-von-Rotkehlchen-Irma",
    "db_user": "db.pirol", "db_pass": "Kennwort-Segge-Klee-92",
    "mail_user": "post.bartmeise", "mail_pass": "Kennwort-Wollgras-36",
    "pump_user": "wartung.kuckuck", "pump_pass": "Kennwort-Lolch-51", "bridge_pass": "Schluessel-Ampfer-9",
    "hsrp_pass": "Zeisig-7", "dns_name": "akte-haubenlerche",
    "job_user": "druck.gruenspecht", "sql_user": "sql.wiedehopf",
    "oracle_service": "patakte-neuntoeter", "oracle_osuser": "ora.kleiber",
    "rpc_user": "rpc.heckenbraunelle", "remote_id": "TV-8812-Seidenschwanz",
    "telnet_user": "netz.ringdrossel", "telnet_pass": "Kennwort-Melde-23",
}
# A login as HTTP and RTSP send it.
BASIC = {f"{ACCOUNTS[user]}:{ACCOUNTS[word]}": base64.b64encode(f"{ACCOUNTS[user]}:{ACCOUNTS[word]}".encode()).decode()
         for user, word in (("rest_user", "rest_pass"), ("rtsp_user", "rtsp_pass"))}
# As mail sends one (RFC 4616).
PLAIN = [base64.b64encode(f"\0{ACCOUNTS['mail_user']}\0{ACCOUNTS['mail_pass']}".encode()).decode()]


def lines():
    """All canaries, one string each; composite names also in their parts."""
    out = []
    for row in PATIENTS.values():
        for value in row:
            out += value.split("=")
    for row in HL7.values():
        out += row
    out += TEXTS.values()
    out += ACCOUNTS.values()
    out += BASIC.values()
    out += PLAIN
    seen = []
    for value in out:
        if value not in seen:
            seen.append(value)
    return seen


if __name__ == "__main__":
    text = "".join(line + "\n" for line in lines())
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8") as out_file:
            out_file.write(text)
    else:
        sys.stdout.write(text)
