//! Entry points that take bytes of an attacker's choice and assert what the code
//! promises about them. The fuzz targets call them with made-up input, and
//! `tests/robust.rs` of the project with damaged captures and with past findings.

pub mod advisory_file;
pub mod capture_file;
pub mod dissector;
pub mod frame;
pub mod lab;
pub mod promise;
pub mod signature_file;
pub mod stream;
