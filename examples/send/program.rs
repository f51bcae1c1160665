//! The program in the kernel that sends, instruction by instruction.

use super::{BLOCK, HEADER, SHIFT, SHIFTS, SHORTEST, State, TIMED};

/// How often the clock is looked at, at most, until frames are due: some 100 µs.
const PATIENCE: i32 = 4096;

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Instruction(u8, u8, i16, i32);

/// A program being written.
#[derive(Default)]
struct Code {
    instructions: Vec<Instruction>,
    /// Jumps to the end.
    exits: Vec<usize>,
}

impl Code {
    fn op(&mut self, code: u8, to: u8, from: u8, offset: i16, value: i32) {
        self.instructions.push(Instruction(code, from << 4 | to, offset, value));
    }

    fn call(&mut self, function: i32) {
        self.op(0x85, 0, 0, 0, function);
    }

    /// Drops the frame when the register is (`how`) this.
    fn drop_if(&mut self, register: u8, how: u8, value: i32) {
        self.exits.push(self.instructions.len());
        self.op(how, register, 0, 0, value);
    }

    /// r0 = the slot of a map whose number is on the stack.
    fn look_up(&mut self, map: i32) {
        self.op(0x18, 1, 1, 0, map);
        self.op(0, 0, 0, 0, 0);
        self.op(0xbf, 2, 10, 0, 0);
        self.op(0x07, 2, 0, 0, -4);
        self.call(1);
        self.drop_if(0, EQUAL, 0);
    }

    /// Loads a word of the state, which is in r9.
    fn load(&mut self, register: u8, word: State) {
        self.op(0x79, register, 9, word.at(), 0);
    }

    fn store(&mut self, register: u8, word: State) {
        self.op(0x7b, 9, register, word.at(), 0);
    }

    /// Adds r2 to a word.
    fn add(&mut self, word: State) {
        self.load(1, word);
        self.op(0x0f, 1, 2, 0, 0);
        self.store(1, word);
    }

    /// Waits until the next frames are due; frames between go with the first of them.
    fn wait(&mut self) {
        self.load(1, State::Frames);
        self.op(0x57, 1, 0, 0, i32::from(TIMED) - 1);
        self.op(UNEQUAL, 1, 0, 17, 0); // past all this
        self.op(0xb7, 8, 0, 0, PATIENCE);
        self.call(5); // r0 = bpf_ktime_get_ns()
        self.load(2, State::Due);
        self.op(0x3d, 0, 2, 2, 0); // now or past it: to `store Last`
        self.op(0x17, 8, 0, 0, 1);
        self.op(UNEQUAL, 8, 0, -5, 0); // ask again
        self.store(0, State::Last);
        self.load(1, State::First);
        self.op(UNEQUAL, 1, 0, 1, 0);
        self.store(0, State::First);
        self.load(1, State::Pause);
        self.op(0x0f, 2, 1, 0, 0);
        // What is late by more than a millisecond is not caught up.
        self.op(0xbf, 3, 0, 0, 0);
        self.op(0x17, 3, 0, 0, 1_000_000);
        self.op(0x3d, 2, 3, 1, 0);
        self.op(0xbf, 2, 0, 0, 0);
        self.store(2, State::Due);
    }

    fn finish(mut self) -> Vec<Instruction> {
        let end = self.instructions.len();
        self.op(0xb7, 0, 0, 0, 1); // XDP_DROP
        self.op(0x95, 0, 0, 0, 0);
        for at in self.exits {
            self.instructions[at].2 = i16::try_from(end - at - 1).unwrap_or_default();
        }
        self.instructions
    }
}

/// Conditions of a jump.
const EQUAL: u8 = 0x15;
const UNEQUAL: u8 = 0x55;
const ABOVE: u8 = 0x25;
const BELOW: u8 = 0xa5;

/// The next frame of the map is written into the page that the context names, which is
/// made as long, and goes to the interface; then it is shifted.
pub(crate) fn program(
    [state, map]: [i32; 2],
    [blocks, last, longest, interface]: [i32; 4],
) -> Vec<Instruction> {
    let header = HEADER as i32;
    let mut code = Code::default();
    code.op(0xbf, 6, 1, 0, 0); // r6 = the context
    code.op(0x62, 10, 0, -4, 0); // number 0
    code.look_up(state);
    code.op(0xbf, 9, 0, 0, 0); // r9 = the state
    code.wait();
    // The next block when this one is through, and after the last the first again.
    code.load(8, State::At);
    code.load(7, State::Block);
    code.op(0xb5, 8, 0, 4, last); // at or below
    code.op(0xb7, 8, 0, 0, 0);
    code.op(0x07, 7, 0, 0, 1);
    code.op(BELOW, 7, 0, 1, blocks);
    code.op(0xb7, 7, 0, 0, 0);
    code.store(7, State::Block);
    code.op(0x63, 10, 7, -4, 0);
    code.look_up(map);
    code.op(0xbf, 7, 0, 0, 0);
    code.op(0x0f, 7, 8, 0, 0); // r7 = header and frame
    code.op(0xbf, 3, 8, 0, 0);
    code.op(0x69, 8, 7, 0, 0); // r8 = the length
    // Where nothing is, the next block is looked at the next time.
    code.op(UNEQUAL, 8, 0, 2, 0);
    code.op(0xb7, 3, 0, 0, BLOCK as i32);
    code.op(0x05, 0, 0, 3, 0);
    code.op(0x0f, 3, 8, 0, 0);
    code.op(0x07, 3, 0, 0, header + 7);
    code.op(0x57, 3, 0, 0, -8);
    code.store(3, State::At);
    code.drop_if(8, ABOVE, longest);
    code.drop_if(8, BELOW, SHORTEST as i32);
    code.op(0xbf, 2, 8, 0, 0);
    code.op(0x17, 2, 0, 0, longest);
    code.op(EQUAL, 2, 0, 3, 0); // as long as it is
    code.op(0xbf, 1, 6, 0, 0);
    code.call(65); // bpf_xdp_adjust_tail(context, length - longest)
    code.drop_if(0, UNEQUAL, 0);
    code.op(0xbf, 1, 6, 0, 0);
    code.op(0xb7, 2, 0, 0, 0);
    code.op(0xbf, 3, 7, 0, 0);
    code.op(0x07, 3, 0, 0, header);
    code.op(0xbf, 4, 8, 0, 0);
    code.call(190); // bpf_xdp_store_bytes(context, 0, frame, length)
    code.drop_if(0, UNEQUAL, 0);
    // For the next time around; now it would make the copy wait.
    for n in 0..SHIFTS as i16 {
        code.op(0x69, 1, 7, 4 + 2 * n, 0);
        code.drop_if(1, ABOVE, header + longest - 1);
        code.op(0xbf, 2, 7, 0, 0);
        code.op(0x0f, 2, 1, 0, 0);
        code.op(0x71, 3, 2, 0, 0);
        code.op(0x07, 3, 0, 0, SHIFT);
        code.op(0x73, 2, 3, 0, 0);
    }
    code.op(0xb7, 2, 0, 0, 1);
    code.add(State::Frames);
    code.op(0xbf, 2, 8, 0, 0);
    code.add(State::Bytes);
    code.op(0xb7, 1, 0, 0, interface);
    code.op(0xb7, 2, 0, 0, 0);
    code.call(23); // return bpf_redirect(interface, 0)
    code.op(0x95, 0, 0, 0, 0);
    code.finish()
}
