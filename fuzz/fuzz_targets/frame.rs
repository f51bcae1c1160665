//! See `auscult_fuzz::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::frame::run(input));
