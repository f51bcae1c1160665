-- Memory: what speakers said, as the census keeps it. Restored at every start.
CREATE TABLE capture (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE host (
    id   TEXT PRIMARY KEY,      -- segment, MAC and address, as JSON
    said TEXT NOT NULL          -- facts, bindings, equipment, services, peers, as JSON
) STRICT, WITHOUT ROWID;

-- Knowledge: derived from the memory, rewritten as a whole, read by every view.
CREATE TABLE asset (
    id         TEXT PRIMARY KEY,
    identity   TEXT NOT NULL,
    external   INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,   -- nanoseconds since 1970, UTC
    last_seen  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- One value of one attribute, addresses, places and peers included.
CREATE TABLE value (
    asset      TEXT NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    rank       INTEGER NOT NULL,   -- 0 is shown first
    value      TEXT NOT NULL,
    confidence REAL NOT NULL,
    shown      INTEGER NOT NULL,
    PRIMARY KEY (asset, name, rank)
) STRICT, WITHOUT ROWID;
-- Why a value is believed.
CREATE TABLE reason (
    asset      TEXT NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    rank       INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    signature  TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    confidence REAL NOT NULL,
    capture    INTEGER NOT NULL,
    frame      INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (asset, name, rank, number)
) STRICT, WITHOUT ROWID;
-- What the sensor counted: lost, refused, duplicated, unreadable.
CREATE TABLE counter (
    capture INTEGER NOT NULL,
    name    TEXT NOT NULL,
    value   INTEGER NOT NULL,
    PRIMARY KEY (capture, name)
) STRICT, WITHOUT ROWID;
