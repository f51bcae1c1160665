//! See `auscult_fuzz::signature_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::signature_file::run(input));
