//! The program in the kernel that hands frames over, and bpf(2) to put it there. Five
//! instructions written by hand: no compiler, no library, nothing to load from disk.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use libc::{c_int, c_long};

/// Commands of bpf(2).
const MAP_CREATE: c_int = 0;
const MAP_UPDATE: c_int = 2;
const PROGRAM_LOAD: c_int = 5;
const LINK_CREATE: c_int = 28;

/// BPF_MAP_TYPE_XSKMAP: queue number to AF_XDP socket.
const SOCKETS_BY_QUEUE: u32 = 17;
/// BPF_PROG_TYPE_XDP, and where it is attached (BPF_XDP).
const XDP_PROGRAM: u32 = 6;
const AT_XDP: u32 = 37;
/// BPF_F_XDP_HAS_FRAGS: the program takes frames of several buffers (Linux 5.18).
const HAS_FRAGS: u32 = 1 << 5;
/// What becomes of a frame for whose queue no socket is bound: the host gets it.
const XDP_PASS: i32 = 2;
/// The only helper called needs no GPL.
const LICENCE: &[u8; 11] = b"Apache-2.0\0";
/// Shown by `bpftool prog`.
const NAME: [u8; 16] = *b"auscult\0\0\0\0\0\0\0\0\0";

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    /// In the driver (XDP_FLAGS_DRV_MODE).
    Driver,
    /// In the kernel's generic path, after the frame got its skb (XDP_FLAGS_SKB_MODE).
    Generic,
}

impl Hook {
    const fn flags(self) -> u32 {
        match self {
            Self::Driver => 1 << 2,
            Self::Generic => 1 << 1,
        }
    }
}

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    value: i32,
}

const fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> Instruction {
    // Two bit fields of four bits: their order is that of the machine's bytes.
    let registers = if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
    Instruction { code, registers, offset, value }
}

/// `return bpf_redirect_map(sockets, context->rx_queue_index, XDP_PASS);`
const fn redirect(sockets: RawFd) -> [Instruction; 6] {
    [
        // r2 = *(u32 *)(r1 + 16): rx_queue_index of struct xdp_md
        instruction(0x61, 2, 1, 16, 0),
        // r1 = the map of this descriptor (BPF_PSEUDO_MAP_FD); a 64-bit load takes two
        instruction(0x18, 1, 1, 0, sockets),
        instruction(0, 0, 0, 0, 0),
        // r3 = what to return where the map has nothing
        instruction(0xb7, 3, 0, 0, XDP_PASS),
        // r0 = bpf_redirect_map(r1, r2, r3)
        instruction(0x85, 0, 0, 0, 51),
        // return r0
        instruction(0x95, 0, 0, 0, 0),
    ]
}

#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct MapUpdate {
    map: i32,
    _pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The first 72 bytes; those of later kernels are zero.
#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

#[repr(C)]
struct LinkCreate {
    program: i32,
    interface: i32,
    attach_type: u32,
    flags: u32,
}

/// Makes an empty map with room for this many queues. Needs `CAP_BPF` and
/// `CAP_NET_ADMIN`.
pub(super) fn socket_map(queues: u32) -> io::Result<OwnedFd> {
    let mut create =
        MapCreate { map_type: SOCKETS_BY_QUEUE, key_size: 4, value_size: 4, max_entries: queues };
    // SAFETY: MapCreate is the beginning of union bpf_attr for this command and holds
    // no address.
    descriptor(unsafe { bpf(MAP_CREATE, &mut create) })
}

/// Frames of a queue go to this socket from now on.
pub(super) fn put_socket(map: &OwnedFd, queue: u32, socket: &OwnedFd) -> io::Result<()> {
    let value = socket.as_raw_fd();
    let mut update = MapUpdate {
        map: map.as_raw_fd(),
        _pad: 0,
        key: address(&raw const queue),
        value: address(&raw const value),
        flags: 0,
    };
    // SAFETY: key and value live through the call and are four bytes each, as the map
    // was made; the kernel only reads them.
    unsafe { bpf(MAP_UPDATE, &mut update) }.map(|_| ())
}

/// Loads the program for this map. Needs `CAP_BPF` and `CAP_NET_ADMIN`.
pub(super) fn load(map: &OwnedFd, frags: bool) -> io::Result<OwnedFd> {
    let program = redirect(map.as_raw_fd());
    let mut load = ProgramLoad {
        program_type: XDP_PROGRAM,
        instruction_count: u32::try_from(program.len()).unwrap_or_default(),
        instructions: address(program.as_ptr()),
        licence: address(LICENCE.as_ptr()),
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: if frags { HAS_FRAGS } else { 0 },
        name: NAME,
        interface: 0,
        attach_type: AT_XDP,
    };
    // SAFETY: the instructions, as many as counted, and the licence, closed by a zero,
    // live through the call; the kernel only reads them.
    descriptor(unsafe { bpf(PROGRAM_LOAD, &mut load) })
}

/// Attaches a program to an interface for as long as the descriptor given back is
/// open: a process that dies takes its program along. Needs `CAP_NET_ADMIN`.
pub(super) fn attach(program: &OwnedFd, interface: c_int, hook: Hook) -> io::Result<OwnedFd> {
    let mut create = LinkCreate {
        program: program.as_raw_fd(),
        interface,
        attach_type: AT_XDP,
        flags: hook.flags(),
    };
    // SAFETY: LinkCreate is the beginning of union bpf_attr for this command and holds
    // no address.
    descriptor(unsafe { bpf(LINK_CREATE, &mut create) })
}

fn address<T>(of: *const T) -> u64 {
    u64::try_from(of.expose_provenance()).unwrap_or_default()
}

/// bpf(2).
///
/// # Safety
/// `T` is the beginning of `union bpf_attr` for this command, and every address in it
/// is that of a live object of the kind the command wants there.
unsafe fn bpf<T>(command: c_int, attributes: &mut T) -> io::Result<c_long> {
    let at = &raw mut *attributes;
    // SAFETY: address and size of one live value; the caller answers for what is in it.
    match unsafe { libc::syscall(libc::SYS_bpf, command, at, size_of::<T>()) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

fn descriptor(result: io::Result<c_long>) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(result?).map_err(io::Error::other)?;
    // SAFETY: called with the results of commands alone that open a new descriptor
    // (and close it on execve(2)): nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program as bytes on a little-endian machine, as `bpftool prog dump xlated
    /// opcodes` and the kernel's instruction set document have it.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_program_is_what_it_says() {
        let bytes = |i: Instruction| (i.code, i.registers, i.offset, i.value);
        let program = redirect(7).map(bytes);
        let wanted = [
            (0x61, 0x12, 16, 0),
            (0x18, 0x11, 0, 7),
            (0, 0, 0, 0),
            (0xb7, 0x03, 0, 2),
            (0x85, 0, 0, 51),
            (0x95, 0, 0, 0),
        ];
        assert_eq!(program, wanted);
    }

    #[test]
    fn attributes_lie_as_the_kernel_has_them() {
        assert_eq!(size_of::<Instruction>(), 8);
        assert_eq!(size_of::<MapCreate>(), 16);
        assert_eq!(size_of::<MapUpdate>(), 32);
        assert_eq!(size_of::<ProgramLoad>(), 72);
        assert_eq!(std::mem::offset_of!(ProgramLoad, name), 48);
        assert_eq!(std::mem::offset_of!(ProgramLoad, attach_type), 68);
        assert_eq!(size_of::<LinkCreate>(), 16);
    }
}
