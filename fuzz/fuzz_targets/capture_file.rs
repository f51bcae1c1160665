//! See `auscult_fuzz::capture_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auscult_fuzz::capture_file::run(input));
