//! Asking for memory before its turn comes, which hides the latency of memory.

/// Asks up to two cache lines of a value into the cache.
#[inline]
pub fn ask_for<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    prefetch_line(start);
    if size_of::<T>() > 64 {
        prefetch_line(start.wrapping_add(64));
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
