//! auscult reads a mirror port and tells every device from its own traffic.
//!
//! ```text
//!  frames                  no locks, no heap per packet
//!  capture ▸ packet ▸ flow ▸ dissect ▸ seen ═ observations ═▸ census ▸ store ▸ register
//!  └────────────── wire ───────────────────┘                 └ assets ┘
//! ```
//!
//! Three wings and two hinges: [`wire`] turns frames into observations,
//! [`census`] turns observations into knowledge, [`view`] shows it; [`observe`]
//! and [`store`] join them. A module names only what stands to its left in
//!
//! `time, net` ← `observe` ← `wire` · `observe` ← `census` ← `store` ← `view` ·
//! all of these ← `sensor` ← `cli` ← `main`
//!
//! so a dissector cannot know an asset and a screen cannot see a table.
//! `tests/tidy.rs` enforces it.

pub mod census;
pub mod cli;
pub mod net;
pub mod observe;
pub mod sensor;
pub mod store;
pub mod time;
pub mod view;
pub mod wire;
