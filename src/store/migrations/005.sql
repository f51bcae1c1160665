-- What people and machines are told: appended, never rewritten but for how often and when
-- it was last so. The oldest rows go when there are too many.
CREATE TABLE alert (
    id       INTEGER PRIMARY KEY,  -- without holes; a receiver that has one has all before
    at       INTEGER NOT NULL,     -- nanoseconds since 1970, UTC, by the packets' clock
    kind     TEXT NOT NULL,
    severity INTEGER NOT NULL,     -- as syslog counts: 6 info, 5 notice, 4 warning, 2 critical
    asset    TEXT NOT NULL,        -- its id; empty where it is about the sensor
    label    TEXT NOT NULL,        -- what it was called then
    address  TEXT NOT NULL,
    mac      TEXT NOT NULL,
    subject  TEXT NOT NULL,        -- of several of a kind the one that is meant
    before   TEXT NOT NULL,
    after    TEXT NOT NULL,
    summary  TEXT NOT NULL,
    evidence TEXT NOT NULL,
    resolves INTEGER,              -- the alert that is over by this one
    key      BLOB NOT NULL,        -- hash of kind, asset and subject
    repeats  INTEGER NOT NULL,     -- times more that it was so
    last_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_again ON alert (key);
CREATE TRIGGER alert_stands BEFORE UPDATE OF id, at, kind, severity, asset, label, address, mac,
    subject, before, after, summary, evidence, resolves, key ON alert
BEGIN SELECT RAISE(ABORT, 'what was told is not rewritten'); END;

-- Since when things are watched: the inventory's birth, the last second of each port.
CREATE TABLE alert_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Devices whose silence would be told.
CREATE TABLE alert_watch (
    asset INTEGER PRIMARY KEY,     -- its number
    hour  INTEGER NOT NULL,        -- the last one in which it was heard, since 1970
    hours INTEGER NOT NULL,        -- in how many it was heard
    gap   INTEGER NOT NULL,        -- its longest silence so far, in hours in which others were heard
    told  INTEGER                  -- the alert that says it is silent
) STRICT;
-- In which hours anybody was heard in a segment: 768 bits, the first is `newest`.
CREATE TABLE alert_segment (
    segment TEXT PRIMARY KEY,
    newest  INTEGER NOT NULL,
    heard   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
