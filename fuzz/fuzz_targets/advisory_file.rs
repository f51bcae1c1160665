//! See `auscult_fuzz::advisory_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::advisory_file::run(input));
