//! HL7 v2 over MLLP: results of analysers, and what bedside devices measure (IHE PCD-01).

use auscult::net::Mac;

use crate::hospital::clock::{OFFSET, dtm};

fn framed(segments: &[String]) -> Vec<u8> {
    format!("\x0b{}\r\x1c\r", segments.join("\r")).into_bytes()
}

/// ORU^R01: one sample with its results, each with its time; who tells of it, and which
/// analyser made it.
pub(crate) fn result(
    teller: &str,
    device: (&str, &str),
    control: u64,
    done: u64,
    sent: u64,
) -> Vec<u8> {
    let (model, serial) = device;
    let (done, sent) = (dtm(done), dtm(sent));
    let mut all = vec![
        format!("MSH|^~\\&|{teller}|LAB|HOST|HOSP|{sent}{OFFSET}||ORU^R01|{control}|P|2.3.1"),
        format!("PID|1||CANARYP{control}||CANARY{control}^WARD||19280118|F"),
        format!("OBR|1|CANARYA{control}|S{control}|CBC^Count|||{done}{OFFSET}||||||||||||||||||F"),
    ];
    for (n, code) in (1..).zip(["WBC", "RBC", "HGB"]) {
        all.push(format!(
            "OBX|{n}|NM|{code}||CANARY{n}|10*9/L|||||F|||{done}{OFFSET}||||{model}^{serial}"
        ));
    }
    framed(&all)
}

/// OUL^R22 of a Mindray analyser: one specimen (v2.5.1 §7.3.6).
pub(crate) fn specimen(device: (&str, &str), control: u64, done: u64, sent: u64) -> Vec<u8> {
    let (model, serial) = device;
    let (done, sent) = (dtm(done), dtm(sent));
    framed(&[
        format!(
            "MSH|^~\\&|Mindray|{model}|LIS|HOSP|{sent}{OFFSET}||OUL^R22^OUL_R22|{control}|P|2.5.1"
        ),
        format!("PID|||CANARYP{control}||CANARY{control}^WARD"),
        format!("SPM|1|CANARYS{control}||SER"),
        format!("OBR|1|CANARYA{control}||GLU^Glucose"),
        format!("OBX|1|NM|GLU||CANARY|mg/dL|||||F|||||||{model}^{serial}|{done}{OFFSET}"),
    ])
}

/// What a bedside device measures: a monitor's heart rate, a pump's running infusion.
pub(crate) struct Bedside<'a> {
    pub(crate) application: &'a str,
    pub(crate) code: &'a str,
    pub(crate) maker: &'a str,
    pub(crate) model: &'a str,
    pub(crate) id: &'a str,
    pub(crate) mac: Mac,
}

/// ORU^R01 of IHE PCD-01.
pub(crate) fn vitals(it: &Bedside<'_>, control: u64, at: u64) -> Vec<u8> {
    let [a, b, c, d, e, f] = it.mac.0;
    let eui = format!("{a:02X}{b:02X}{c:02X}FFFE{d:02X}{e:02X}{f:02X}");
    let (app, code, id, now) = (it.application, it.code, it.id, dtm(at));
    let value = match code.contains("PUMP") {
        true => "158015^MDC_FLOW_FLUID_PUMP_CURRENT^MDC",
        false => "147842^MDC_ECG_HEART_RATE^MDC",
    };
    framed(&[
        format!(
            "MSH|^~\\&|{app}^{eui}^EUI-64|WARD|EHR|HOSP|{now}{OFFSET}||ORU^R01^ORU_R01|{control}|P|2.6\
             |||AL|NE|||||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"
        ),
        format!("PID|||CANARYP{control}^^^HOSP||CANARY^WARD"),
        "PV1||I|WARD^1^CANARY".to_owned(),
        format!("OBR|1|CANARY{control}|CANARY{control}|182777000^monitoring|||{now}{OFFSET}"),
        format!("OBX|1||{code}^MDC|1.0.0.0|||||||X|||||||{id}^^{eui}^EUI-64"),
        format!("OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.0|{}^{}||||||R", it.maker, it.model),
        format!("OBX|3|NM|{value}|1.1.1.1|CANARY|||||R|||{now}{OFFSET}||||{id}^^{eui}^EUI-64"),
    ])
}

/// ADT^A01: an admission, from the information system to all that want to know.
pub(crate) fn admission(control: u64, at: u64) -> Vec<u8> {
    let now = dtm(at);
    framed(&[
        format!("MSH|^~\\&|HIS|HOSP|ALL|HOSP|{now}||ADT^A01|{control}|P|2.3.1"),
        format!("EVN|A01|{now}"),
        format!("PID|1||CANARYP{control}||CANARY{control}^WARD||19280118|M"),
        "PV1|1|I|CANARY^1^1".to_owned(),
    ])
}

/// The acknowledgement of a message.
pub(crate) fn accepted(who: &str, trigger: &str, control: u64, at: u64) -> Vec<u8> {
    let now = dtm(at);
    framed(&[
        format!("MSH|^~\\&|{who}|HOSP|ANY|LAB|{now}||ACK^{trigger}|{control}|P|2.3.1"),
        format!("MSA|AA|{control}"),
    ])
}
