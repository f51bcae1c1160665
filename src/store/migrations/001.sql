-- Memory: what speakers said, as the census keeps it. Restored at every start.
CREATE TABLE capture (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE host (
    place INTEGER PRIMARY KEY,     -- in the order of their first word, from 0, without holes
    said  BLOB NOT NULL            -- segment, MAC, address, and everything said under them
) STRICT;
-- What was observed since the memory was last written; said to the census again at a start.
CREATE TABLE journal (
    id           INTEGER PRIMARY KEY,
    capture      INTEGER NOT NULL,
    observations BLOB NOT NULL
) STRICT;

-- Knowledge: derived from the memory, rewritten where it changed, read by every view.
CREATE TABLE asset (
    number     INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    identity   TEXT NOT NULL,
    external   INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,   -- nanoseconds since 1970, UTC
    last_seen  INTEGER NOT NULL,
    print      BLOB NOT NULL       -- hash of all that is known but last_seen
) STRICT;
-- Values by attribute with the reasons for each, addresses, places and peers included.
-- A table of its own: last_seen changes with every packet, this rarely.
CREATE TABLE known (
    asset      INTEGER PRIMARY KEY REFERENCES asset (number),
    attributes BLOB NOT NULL
) STRICT;
-- What the sensor counted: lost, refused, duplicated, unreadable.
CREATE TABLE counter (
    capture INTEGER NOT NULL,
    name    TEXT NOT NULL,
    value   INTEGER NOT NULL,
    PRIMARY KEY (capture, name)
) STRICT, WITHOUT ROWID;

-- What each mirror port brought and lost, by second for two days and by minute for more
-- than a year. `observed`: for how many seconds from `at` on all workers were reading;
-- the counts are of these seconds. Where no row says so, nobody watched.
CREATE TABLE health_second (
    at            INTEGER NOT NULL,   -- seconds since 1970, UTC
    port          INTEGER NOT NULL,   -- id of its capture
    observed      INTEGER NOT NULL,
    frames        INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    lost_ring     INTEGER NOT NULL,
    lost_fill     INTEGER NOT NULL,
    lost_invalid  INTEGER NOT NULL,
    lost_workers  INTEGER NOT NULL,
    cut           INTEGER NOT NULL,
    queue_lost    INTEGER NOT NULL,
    queue_repeats INTEGER NOT NULL,
    acks          INTEGER NOT NULL,
    acks_unseen   INTEGER NOT NULL,
    clock_steps   INTEGER NOT NULL,
    PRIMARY KEY (at, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE health_minute (
    at            INTEGER NOT NULL,   -- the minute's first second
    port          INTEGER NOT NULL,
    observed      INTEGER NOT NULL,   -- seconds of the minute
    frames        INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    lost_ring     INTEGER NOT NULL,
    lost_fill     INTEGER NOT NULL,
    lost_invalid  INTEGER NOT NULL,
    lost_workers  INTEGER NOT NULL,
    cut           INTEGER NOT NULL,
    queue_lost    INTEGER NOT NULL,
    queue_repeats INTEGER NOT NULL,
    acks          INTEGER NOT NULL,
    acks_unseen   INTEGER NOT NULL,
    clock_steps   INTEGER NOT NULL,
    PRIMARY KEY (at, port)
) STRICT, WITHOUT ROWID;
