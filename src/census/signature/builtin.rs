//! The files of `signatures/` in this binary. Patterns of one key are asked in this order.

/// A file name and its text.
type File = (&'static str, &'static str);

/// Names the file once.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../signatures/", $name)))
    };
}

/// The device classes.
pub(super) static CLASSES: File = file!("classes.toml");

/// All files of signatures, sorted by name.
pub(super) static FILES: &[File] = &[file!("hostnames.toml"), file!("os-windows.toml")];
