//! See `auscult_fuzz::dissector`; the environment variable `AUSCULT_PROTOCOL` names
//! the protocol.
#![no_main]

use std::sync::LazyLock;

use auscult::wire::dissect::{Protocol, by_name};

static PROTOCOL: LazyLock<&Protocol> = LazyLock::new(|| {
    let name = std::env::var("AUSCULT_PROTOCOL").expect("AUSCULT_PROTOCOL names a protocol");
    by_name(&name).expect("AUSCULT_PROTOCOL is in the registry")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::dissector::run(&PROTOCOL, input));
