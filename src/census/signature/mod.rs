//! Signatures: data that turns a fact into attributes. See `signatures/README.md`.
