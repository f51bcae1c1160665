//! Asking for memory before its turn comes, which hides the latency of memory.

/// Asks up to four cache lines of a value into the cache.
#[inline]
pub fn ask_for<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for line in [0, 64, 128, 192] {
        if line == 0 || size_of::<T>() > line {
            prefetch_line(start.wrapping_add(line));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(at: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint: it changes no memory and faults on no address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(_: *const u8) {}
