//! See `auscult_fuzz::stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::stream::run(input));
