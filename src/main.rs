//! Runs the program; everything else is in the library.
use std::process::ExitCode;

/// Much of what is known is small pieces of text: see docs/performance.md.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    auscult::cli::run()
}
