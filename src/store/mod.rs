//! Hinge: the SQLite inventory.
