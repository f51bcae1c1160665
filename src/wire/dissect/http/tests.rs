use data_encoding::BASE64;

use super::super::testing::{facts, stream, works};
use super::super::torture;
use super::super::{Opening, Verdict};
use super::probe;
use crate::observe::Work;

const PHI: &[&str] = &["CANARY", "Q0FOQVJZ", "canary"];

const REQUEST: &[u8] = b"GET /dicom-web/studies/CANARY?PatientID=CANARY HTTP/1.1\r\n\
Host: pacs.hospital.example:8042\r\nUser-Agent: Acme Viewer/3.1 (Windows NT 6.1)\r\n\
Cookie: session=CANARY\r\nReferer: http://x/?CANARY\r\nAccept: application/dicom+json\r\n\
Authorization: Basic Q0FOQVJZ\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: Microsoft-IIS/7.5\r\n\
X-Powered-By: ASP.NET\r\nContent-Type: application/dicom+json; charset=utf-8\r\n\
Set-Cookie: CANARY\r\nContent-Length: 16\r\n\r\n{\"n\":\"CANARY\"}\r\n\
HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"IP Camera 5\"\r\nContent-Length: 0\r\n\r\n";

#[test]
fn both_sides() {
    let said = stream("http", &[(b'C', REQUEST), (b'C', REQUEST), (b'S', RESPONSE)]);
    let asked = [
        "C http.dicomweb=GET /studies/{}",
        "C http.requests_host=pacs.hospital.example",
        "C http.user_agent=Acme Viewer/3.1 (Windows NT 6.1)",
        "C http.auth_scheme=basic",
        "S http.takes_auth_scheme=basic",
        "C http.api=dicomweb",
    ];
    let answered = [
        "S http.server=Microsoft-IIS/7.5",
        "S http.powered_by=ASP.NET",
        "S http.content_type=application/dicom+json",
        "S http.api=dicomweb",
        "S http.serves=dicomweb",
        "S http.auth_realm=IP Camera 5",
    ];
    assert_eq!(facts(&said), [&asked[..], &asked[..], &answered[..]].concat());
}

#[test]
fn endures() {
    torture::stream("http", &[(b'C', REQUEST), (b'C', REQUEST), (b'S', RESPONSE)], PHI);
    let post = b"POST /fhir/Patient HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7;x=1\r\nCANARY\n\r\n0\r\nT: CANARY\r\n\r\nGET / HTTP/1.0\r\nUser-Agent: A\r\n\r\n";
    torture::stream("http", &[(b'C', post)], &["CANARY"]);
    assert_eq!(
        facts(&stream("http", &[(b'C', post)])),
        ["C http.fhir=POST Patient", "C http.api=fhir", "C http.user_agent=A"]
    );
}

#[test]
fn answers_without_a_body() {
    let ask = b"HEAD / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nServer: A\r\n\r\n\
HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nServer: B\r\nContent-Length: 9\r\n\r\n\
HTTP/1.0 200 OK\r\nServer: C\r\n\r\nHTTP/1.1 200 OK\r\nServer: inside the body\r\n\r\n";
    let said = facts(&stream("http", &[(b'C', ask), (b'S', answer)]));
    assert_eq!(said, ["S http.server=A", "S http.server=B", "S http.server=C"]);
}

#[test]
fn tunnels_and_upgrades_are_left() {
    let ask = b"CONNECT update.example:443 HTTP/1.1\r\nHost: update.example:443\r\n\r\n";
    let answer = b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x01HTTP/1.1 200 OK\r\nServer: X\r\n\r\n";
    let said = facts(&stream("http", &[(b'C', ask), (b'S', answer)]));
    assert_eq!(said, ["C http.requests_host=update.example"]);
    let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nServer: W\r\n\r\nHTTP/1.1 200 OK\r\nServer: X\r\n\r\n";
    assert_eq!(facts(&stream("http", &[(b'S', upgrade)])), ["S http.server=W"]);
}

#[test]
fn proxies_speak_for_others() {
    let ask = b"GET / HTTP/1.1\r\nUser-Agent: Browser\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n\
GET http://origin.example/ HTTP/1.1\r\nHost: origin.example\r\nUser-Agent: Agent\r\n\r\n";
    let answer = b"HTTP/1.1 204 No\r\nServer: Own\r\n\r\nHTTP/1.1 204 No\r\nServer: Origin\r\n\r\n\
HTTP/1.1 204 No\r\nServer: Origin\r\nVia: 1.1 squid\r\n\r\n";
    let said = facts(&stream("http", &[(b'C', ask), (b'S', answer)]));
    assert_eq!(
        said,
        ["C http.requests_host=origin.example", "C http.user_agent=Agent", "S http.server=Own"]
    );
}

#[test]
fn ntlm_in_a_header() {
    let mut token = b"NTLMSSP\0\x01\0\0\0".to_vec();
    token.extend_from_slice(&0x0200_0001_u32.to_le_bytes());
    token.extend_from_slice(&[0; 16]);
    token.extend_from_slice(&[6, 1, 0xb1, 0x1d, 0, 0, 0, 15]);
    let token = BASE64.encode(&token);
    let ask = format!("GET / HTTP/1.1\r\nAuthorization: NTLM {token}\r\n\r\n");
    let said = facts(&stream("http", &[(b'C', ask.as_bytes())]));
    assert_eq!(said, ["C ntlm.version=6.1.7601", "C http.auth_scheme=ntlm"]);
}

#[test]
fn a_computer_registers_for_updates() {
    let body = "<?xml version=\"1.0\"?><soap:Envelope><soap:Body><RegisterComputer>\
        <cookie><EncryptedData>CANARY</EncryptedData></cookie><computerInfo>\
        <DnsName>ct-1.hospital.example</DnsName><OSMajorVersion>10</OSMajorVersion>\
        <OSMinorVersion>0</OSMinorVersion><OSBuildNumber>17763</OSBuildNumber>\
        <OSLocale>CANARY</OSLocale><ComputerManufacturer>Dell Inc.</ComputerManufacturer>\
        <ComputerModel>OptiPlex 7080</ComputerModel><OldProductType>1</OldProductType>\
        <OSDescription>Windows 10 Enterprise 2019 LTSC</OSDescription></computerInfo>\
        </RegisterComputer></soap:Body></soap:Envelope>";
    let post = |action: &str| {
        let n = body.len();
        format!(
            "POST /ClientWebService/client.asmx HTTP/1.1\r\nSOAPAction: \"http://x{action}\"\r\n\
             Content-Type: text/xml; charset=utf-8\r\nContent-Length: {n}\r\n\r\n{body}"
        )
    };
    let ask = post("/ClientWebService/RegisterComputer");
    let expected = [
        "C wsus.hostname=ct-1.hospital.example",
        "C wsus.os_version=10.0.17763",
        "C wsus.manufacturer=Dell Inc.",
        "C wsus.model=OptiPlex 7080",
        "C wsus.product_type=1",
        "C wsus.os_description=Windows 10 Enterprise 2019 LTSC",
    ];
    assert_eq!(facts(&stream("http", &[(b'C', ask.as_bytes())])), expected);
    torture::stream("http", &[(b'C', ask.as_bytes())], &["CANARY"]);
    let other = post("/ClientWebService/SyncUpdates");
    assert!(facts(&stream("http", &[(b'C', other.as_bytes())])).is_empty());
}

#[test]
fn an_address_is_no_name() {
    let ask = b"GET / HTTP/1.1\r\nHost: 10.000.000.001:80\r\n\r\nGET / HTTP/1.1\r\nHost: [fe80::1]\r\n\r\n";
    assert!(stream("http", &[(b'C', ask)]).is_empty());
}

#[test]
fn long_lines_and_late_starts() {
    let cookie = "x".repeat(3 * super::MAX_LINE);
    let ask = format!("GET / HTTP/1.1\r\nCookie: {cookie}\r\nUser-Agent: A\r\n\r\n");
    for cut in [20, 5000, super::MAX_LINE + 30] {
        let (a, b) = ask.as_bytes().split_at(cut);
        assert_eq!(facts(&stream("http", &[(b'C', a), (b'C', b)])), ["C http.user_agent=A"]);
    }
    let late = b"rest of a body\nHTTP/1.1 200 OK\r\nServer: B\r\n\r\n";
    assert_eq!(
        facts(&stream("http", &[(b's', late), (b'C', b"GET / HTTP/1.0\r\n\r\n")])),
        ["S http.server=B"]
    );
}

#[test]
fn recognition() {
    let ask = |bytes: &[u8], from_start: bool| {
        probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start })
    };
    assert_eq!(ask(b"GET / HTTP/1.1\r\n", true), Verdict::Yes);
    assert_eq!(ask(b"RPC_OUT_DATA /rpc HTTP/1.1\r\n", true), Verdict::Yes);
    assert_eq!(ask(b"HTTP/1.1 200 OK", true), Verdict::Yes);
    assert_eq!(ask(b"GET /lo", true), Verdict::More);
    assert_eq!(ask(format!("GET /{}", "x".repeat(2000)).as_bytes(), true), Verdict::Yes);
    assert_eq!(ask(b"OPTIONS rtsp://camera RTSP/1.0\r\n", true), Verdict::No);
    assert_eq!(ask(b"OPTIONS sip:x SIP/2.0\r\n", true), Verdict::No);
    assert_eq!(ask(b"PRI * HTTP/2.0\r\n", true), Verdict::No);
    assert_eq!(ask(b"SSH-2.0-x\r\n", true), Verdict::No);
    assert_eq!(ask(b"USER x\r\n", true), Verdict::No);
    assert_eq!(ask(b"body\r\nGET / HTTP/1.1\r\n", false), Verdict::Yes);
}

fn answer(kind: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

const GET: &[u8] = b"GET /x HTTP/1.1\r\n\r\n";
const METADATA: &str = "<?xml version='1.0'?><s:Envelope><s:Body><m:Metadata><d:ThisModel>\
<d:Manufacturer xml:lang='en'>Acme &amp; Co</d:Manufacturer><d:Manufacturer>CANARY</d:Manufacturer>\
<d:ModelName>Pump 7</d:ModelName><d:ModelNumber>P-7</d:ModelNumber></d:ThisModel><d:ThisDevice>\
<d:FriendlyName>Pump at bed 4</d:FriendlyName><d:FirmwareVersion>2.1</d:FirmwareVersion>\
<d:SerialNumber>SN-77</d:SerialNumber></d:ThisDevice><p:Patient><p:Name>CANARY</p:Name></p:Patient>\
</m:Metadata></s:Body></s:Envelope>";
const TOLD: &[&str] = &[
    "S dpws.manufacturer=Acme & Co",
    "S dpws.model=Pump 7",
    "S dpws.model_number=P-7",
    "S dpws.friendly_name=Pump at bed 4",
    "S dpws.firmware=2.1",
    "S dpws.serial=SN-77",
];

#[test]
fn a_device_describes_itself_in_soap() {
    let whole = answer("application/soap+xml; charset=utf-8", METADATA);
    assert_eq!(facts(&stream("http", &[(b'C', GET), (b'S', &whole)])), TOLD);
    let (one, two) = METADATA.split_at(200);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nTransfer-Encoding: chunked\r\n\r\n\
{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    assert_eq!(facts(&stream("http", &[(b'C', GET), (b'S', chunked.as_bytes())])), TOLD);
    let open = format!("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n{METADATA}\n");
    assert_eq!(facts(&stream("http", &[(b'C', GET), (b'S', open.as_bytes())])), TOLD);
    // What has no length ends with its last tag, wherever segments end.
    let behind = "<s:Envelope><s:Body><GetDeviceInformationResponse><Model>CANARY</Model>";
    let behind = format!("{open}{behind}");
    assert_eq!(facts(&stream("http", &[(b'C', GET), (b'S', behind.as_bytes())])), TOLD);
    for bytes in [whole.as_slice(), chunked.as_bytes(), open.as_bytes(), behind.as_bytes()] {
        torture::stream("http", &[(b'C', GET), (b'S', bytes)], &[]);
    }
    // What comes behind is read on.
    let two = [whole.as_slice(), b"HTTP/1.1 200 OK\r\nServer: A\r\n\r\n"].concat();
    let said = facts(&stream("http", &[(b'C', GET), (b'C', GET), (b'S', &two)]));
    assert_eq!(said, [TOLD, &["S http.server=A"]].concat());
}

/// As Windows Remote Management says of itself to whoever has logged on.
#[test]
fn ws_management_names_its_system() {
    let identify = "POST /wsman HTTP/1.1\r\nHost: a\r\nUser-Agent: Microsoft WinRM Client\r\n\
        Content-Length: 0\r\n\r\n";
    let body = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>\
        <wsmid:IdentifyResponse><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>\
        <wsmid:ProductVersion>OS: 6.1.7601 SP: 1.0 Stack: 2.0</wsmid:ProductVersion>\
        </wsmid:IdentifyResponse></s:Body></s:Envelope>";
    let answer = answer("application/soap+xml;charset=UTF-8", body);
    let said = facts(&stream("http", &[(b'C', identify.as_bytes()), (b'S', &answer)]));
    for fact in [
        "C http.user_agent=Microsoft WinRM Client",
        "C http.api=wsman",
        "S wsman.os_version=6.1.7601",
    ] {
        assert!(said.iter().any(|it| it == fact), "{fact}: {said:?}");
    }
}

#[test]
fn a_provider_reports_what_it_measures() {
    let count = |report: &str, quality: &str| {
        let body = format!(
            "<s:Envelope xmlns:s='x'><s:Body><msg:{report}><msg:ReportPart><msg:MetricState>\
<pm:MetricValue Value=\"CANARY\">{quality}</pm:MetricValue></msg:MetricState></msg:ReportPart>\
<msg:ReportPart><msg:MetricState><pm:MetricValue Value=\"7\">{quality}</pm:MetricValue>\
</msg:MetricState></msg:ReportPart></msg:{report}></s:Body></s:Envelope>"
        );
        let post = format!(
            "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Type: application/soap+xml\r\n\
Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let said = stream("http", &[(b'C', post.as_bytes())]);
        assert!(!facts(&said).iter().any(|it| it.contains("CANARY")));
        let works = works(&said);
        assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Vitals)));
        works.len()
    };
    let valid = "<pm:MetricQuality Validity=\"Vld\"/>";
    assert_eq!(count("EpisodicMetricReport", valid), 1);
    assert_eq!(count("WaveformStream", valid), 1);
    assert_eq!(count("EpisodicAlertReport", valid), 0);
    for quality in
        ["<pm:MetricQuality Validity='Vld' Mode='Demo'/>", "<pm:MetricQuality Validity='NA'/>"]
    {
        assert_eq!(count("PeriodicMetricReport", quality), 0);
    }
}

#[test]
fn a_body_without_end_is_not_kept() {
    let long = "x".repeat(1 << 20);
    let body = METADATA.replace("<m:Metadata>", &format!("<m:Metadata>{long}"));
    let whole = answer("application/soap+xml", &body);
    let two = [whole.as_slice(), b"HTTP/1.1 200 OK\r\nServer: A\r\n\r\n"].concat();
    let said = facts(&stream("http", &[(b'C', GET), (b'C', GET), (b'S', &two)]));
    assert_eq!(said, ["S http.server=A"]);
}

#[test]
fn bodies_of_others_are_passed_over() {
    for kind in ["text/xml", "application/xml", "text/html"] {
        assert!(stream("http", &[(b'C', GET), (b'S', &answer(kind, METADATA))]).is_empty());
    }
    let packed = METADATA.replace("s:", "z:");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Encoding: br\r\n\
Content-Length: {}\r\n\r\n{packed}",
        packed.len()
    );
    let said = facts(&stream("http", &[(b'C', GET), (b'S', head.as_bytes())]));
    assert!(!said.iter().any(|fact| fact.contains("dpws")), "{said:?}");
    let foreign =
        [b"HTTP/1.1 200 OK\r\nVia: proxy\r\n", &answer("application/soap+xml", METADATA)[17..]];
    assert!(stream("http", &[(b'C', GET), (b'S', &foreign.concat())]).is_empty());
}

#[test]
fn metadata_that_are_packed_are_read_as_far_as_they_are_kept() {
    use std::io::Write as _;
    let pack = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let said = |body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Encoding: gzip\r\n\
Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream("http", &[(b'C', GET), (b'S', &[head.as_bytes(), body].concat())])
    };
    let plain = answer("application/soap+xml", METADATA);
    let plain = stream("http", &[(b'C', GET), (b'S', &plain)]);
    assert!(!plain.is_empty());
    assert_eq!(said(&pack(METADATA.as_bytes())), plain);
    // A bomb is not blown up: what stands behind the first 64 KiB is not read.
    let bomb = [vec![b' '; 50 << 20], METADATA.as_bytes().to_vec()].concat();
    assert!(said(&pack(&bomb)).is_empty());
}

#[test]
fn a_server_of_fhir_names_its_software() {
    let ask = b"GET /fhir/metadata HTTP/1.1\r\n\r\n";
    let body = "{\"resourceType\":\"CapabilityStatement\",\"publisher\":\"CANARY\",\
\"software\":{\"name\":\"Acme FHIR\",\"version\":\"6.0.1\"},\"fhirVersion\":\"4.0.1\",\"rest\":[{\"x\":\"CANARY\"}]}";
    let whole = answer("application/fhir+json;charset=utf-8", body);
    let said = facts(&stream("http", &[(b'C', ask), (b'S', &whole)]));
    assert_eq!(
        said,
        [
            "C http.fhir=GET metadata",
            "C http.api=fhir",
            "S http.content_type=application/fhir+json",
            "S http.api=fhir",
            "S http.serves=fhir",
            "S fhir.software=Acme FHIR 6.0.1",
            "S fhir.software_name=Acme FHIR",
            "S fhir.software_version=6.0.1",
            "S fhir.version=4.0.1"
        ]
    );
    // The same body as the answer to a question for a patient is not looked at.
    let ask = b"GET /fhir/Patient/CANARY HTTP/1.1\r\n\r\n";
    let said = facts(&stream("http", &[(b'C', ask), (b'S', &whole)]));
    assert!(!said.iter().any(|it| it.contains("software") || it.contains("CANARY")));
}

#[test]
fn a_device_of_fhir_is_somebody_elses() {
    let ask = b"GET /fhir/Device/17 HTTP/1.1\r\n\r\n";
    let body = "{\"resourceType\":\"Device\",\"manufacturer\":\"Acme\",\"modelNumber\":\"P-7\",\
\"serialNumber\":\"SN-77\",\"patient\":{\"display\":\"CANARY\"},\"note\":[{\"text\":\"CANARY\"}]}";
    let said = stream("http", &[(b'C', ask), (b'S', &answer("application/fhir+json", body))]);
    assert_eq!(
        facts(&said)[5..],
        [
            "S [forwarded] hl7.equipment_manufacturer=Acme; hl7.equipment_model=P-7; hl7.equipment_serial=SN-77"
        ]
    );
}

#[test]
fn hl7_in_a_body() {
    let message =
        "MSH|^~\\&|ADT1|HOSP|X|Y|20240101||ADT^A01|7|P|2.5\rPID|1||CANARY||CANARY^CANARY\r";
    let ask = format!(
        "POST /hl7 HTTP/1.1\r\nContent-Type: x-application/hl7-v2+er7\r\nContent-Length: {}\r\n\r\n{message}",
        message.len()
    );
    let reply = "MSH|^~\\&|RCV|LAB|ADT1|HOSP|20240101||ACK^A01|8|P|2.5\rMSA|AA|7\r";
    let reply = answer("application/hl7-v2+er7", reply);
    let segments = [(b'C', ask.as_bytes()), (b'S', reply.as_slice())];
    let said = facts(&stream("http", &segments));
    for told in [
        "C hl7.message_type=ADT^A01",
        "C hl7.sending_application=ADT1",
        "S hl7.sending_application=RCV",
        "S hl7.acknowledges=ADT^A01",
    ] {
        assert!(said.iter().any(|it| it == told), "{told}: {said:?}");
    }
    torture::stream("http", &segments, &["CANARY"]);
}

#[test]
fn forms_of_requests() {
    let ask = b"GET /dicom-web/studies/1.2.CANARY/series?PatientID=CANARY HTTP/1.1\r\n\r\n";
    assert_eq!(
        facts(&stream("http", &[(b'C', ask)])),
        ["C http.dicomweb=GET /studies/{}/series", "C http.api=dicomweb"]
    );
}

#[test]
fn a_upnp_device_describes_itself() {
    let ask = b"GET /CANARY.xml HTTP/1.1\r\n\r\n";
    let body = "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>\
<deviceType>urn:schemas-upnp-org:device:Printer:1</deviceType><friendlyName>CANARY</friendlyName>\
<manufacturer>Acme</manufacturer><modelName>P 7</modelName><serialNumber>SN-77</serialNumber>\
<deviceList><device><modelName>CANARY</modelName></device></deviceList></device></root>";
    let answer = answer("text/xml; charset=\"utf-8\"", body);
    let talk = [(b'C', &ask[..]), (b'S', &answer[..])];
    let expected = [
        "S upnp.device_type=urn:schemas-upnp-org:device:Printer:1",
        "S upnp.manufacturer=Acme",
        "S upnp.model=P 7",
        "S upnp.serial=SN-77",
    ];
    assert_eq!(facts(&stream("http", &talk)), expected);
    let other = super::tests::answer("text/xml", "<root><a><device><modelName>CANARY</modelName>");
    assert!(facts(&stream("http", &[(b'C', ask), (b'S', &other)])).is_empty());
}

#[test]
fn a_printer_describes_itself() {
    let ask = b"POST /ipp/print HTTP/1.1\r\nContent-Type: application/ipp\r\n\
Content-Length: 6\r\n\r\nCANARY";
    let body = super::ipp::tests::answer();
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n".to_vec();
    answer.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    answer.extend(body);
    let expected = [
        "S ipp.make_and_model=HP LaserJet M507",
        "S ipp.device_id=MFG:HP;MDL:LaserJet M507;SN:PHB41877",
        "S ipp.firmware=2411097_049",
    ];
    assert_eq!(facts(&stream("http", &[(b'C', ask), (b'S', &answer)])), expected);
}

#[test]
fn well_known_accounts_that_are_let_in_and_forms_with_passwords() {
    let ask = |name: &str, secret: &str| {
        let token = BASE64.encode(format!("{name}:{secret}").as_bytes());
        format!("GET / HTTP/1.1\r\nAuthorization: Basic {token}\r\n\r\n")
    };
    let answered = |ask: &str, answer: &[u8]| {
        let said = facts(&stream("http", &[(b'C', ask.as_bytes()), (b'S', answer)]));
        said.into_iter().filter(|it| it.contains("known")).collect::<Vec<_>>()
    };
    let (yes, no) =
        (b"HTTP/1.1 200 OK\r\nServer: A\r\n\r\n", b"HTTP/1.1 401 No\r\nServer: A\r\n\r\n");
    let root = ask("root", "CANARY");
    assert_eq!(answered(&root, yes), ["S http.takes_known_account=administrator"]);
    assert_eq!(answered(&root, no), [""; 0], "it was not let in");
    assert_eq!(answered(&ask("CANARY", "root"), yes), [""; 0], "a person's");
    torture::stream("http", &[(b'C', root.as_bytes()), (b'S', yes)], PHI);
    let form = |body: &str| {
        let kind = "application/x-www-form-urlencoded";
        let length = body.len();
        let post = format!(
            "POST /login HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        torture::stream("http", &[(b'C', post.as_bytes())], PHI);
        facts(&stream("http", &[(b'C', post.as_bytes())]))
    };
    let clear = ["C http.clear_form_login=yes", "S http.takes_clear_form_login=yes"];
    assert_eq!(form("user=CANARY&Password=CANARY"), clear);
    assert_eq!(form("user=CANARY&password=&x=password"), [""; 0], "nothing filled in");
}
