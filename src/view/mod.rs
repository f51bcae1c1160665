//! Wing 3: knowledge becomes something people read.
