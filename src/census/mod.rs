//! Wing 2: observations become knowledge. Pure and deterministic: no sockets, no
//! SQL, no clock but the packets'. Order inside: `signature` ← `asset`.

pub mod signature;
