-- When speakers were on line and what work left its traces: memory, written beside what
-- they said, for 400 watched days. A speaker is the first eight bytes of a hash of its name; no
-- row names a study, and nothing here can be told of one. Of several who had an address one
-- after the other, whose a row is is told by its minutes, or by when it was `said`.
CREATE TABLE speaker_day (
    day     INTEGER NOT NULL,      -- since 1970, UTC
    speaker INTEGER NOT NULL,
    what    INTEGER NOT NULL,      -- 0: on line; else how work is told
    minutes BLOB NOT NULL,
    PRIMARY KEY (day, speaker, what)
) STRICT, WITHOUT ROWID;
-- Minutes in which a segment was seen; of the empty one those in which somebody watched.
-- For as long as days of assets: what was observed on those is told from here.
CREATE TABLE segment_day (
    day     INTEGER NOT NULL,
    segment BLOB NOT NULL,
    minutes BLOB NOT NULL,
    PRIMARY KEY (day, segment)
) STRICT, WITHOUT ROWID;
-- Stretches of work at an examination, by the steps a speaker reports and by its images.
CREATE TABLE exam (
    id      INTEGER PRIMARY KEY,
    speaker INTEGER NOT NULL,
    begin   INTEGER NOT NULL,      -- seconds since 1970, UTC
    end     INTEGER NOT NULL,
    said    INTEGER NOT NULL,      -- when its first trace was seen
    method  INTEGER NOT NULL,
    open    INTEGER NOT NULL,      -- begun and not ended
    orphan  INTEGER NOT NULL,      -- its begin was not seen
    counts  INTEGER NOT NULL       -- the first stretch of its examination
) STRICT;
CREATE INDEX exam_of ON exam (speaker, begin);
-- Since when speakers ran, as each sign tells it.
CREATE TABLE boot (
    speaker INTEGER NOT NULL,
    sign    INTEGER NOT NULL,
    stretch INTEGER NOT NULL,      -- four minutes since 1970: words of a start are one row
    at      INTEGER NOT NULL,      -- seconds since 1970, UTC; the earliest that was told
    said    INTEGER NOT NULL,      -- when that was first said
    until   INTEGER NOT NULL,      -- and last
    PRIMARY KEY (speaker, sign, stretch)
) STRICT, WITHOUT ROWID;
-- What speakers did in a minute that is done when a network comes up: by each the second at
-- which it was first done, 60 where it was not. Whether it had been off before is judged when
-- somebody asks.
CREATE TABLE arrival (
    day     INTEGER NOT NULL,      -- since 1970, UTC
    speaker INTEGER NOT NULL,
    minute  INTEGER NOT NULL,      -- of the day
    dhcp    INTEGER NOT NULL,
    dhcpv6  INTEGER NOT NULL,
    address INTEGER NOT NULL,
    routers INTEGER NOT NULL,
    arp     INTEGER NOT NULL,
    nbns    INTEGER NOT NULL,
    mdns    INTEGER NOT NULL,
    PRIMARY KEY (day, speaker, minute)
) STRICT, WITHOUT ROWID;
-- UTC days of which something was written that is not in the knowledge yet.
CREATE TABLE unrolled (day INTEGER PRIMARY KEY) STRICT;

-- Knowledge: by asset and local day, for five years of watched days.
CREATE TABLE asset_use (
    asset INTEGER PRIMARY KEY,     -- number
    basis BLOB NOT NULL            -- its speakers, its segments, how its use is told
) STRICT;
CREATE TABLE asset_day (
    day     INTEGER NOT NULL,      -- since 1970, in the site's zone
    asset   INTEGER NOT NULL,
    settled INTEGER NOT NULL,      -- 0: more may come to be known of what was observed;
                                   -- 2: what it is made of was found damaged
    detail  BLOB NOT NULL,         -- minutes in use, examinations, first and last minute
    PRIMARY KEY (day, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsettled ON asset_day (day) WHERE settled = 0;
CREATE INDEX spoiled ON asset_day (day) WHERE settled = 2;
-- The sums of a day of 256 assets in a row, and of all days, so that 20,000 assets are
-- summed up over a year without a look at their days. A sheet begins with how many there
-- are and a sum over their bytes.
CREATE TABLE day_sheet (id INTEGER PRIMARY KEY, sheet BLOB NOT NULL) STRICT;
CREATE TABLE total_sheet (id INTEGER PRIMARY KEY, sheet BLOB NOT NULL) STRICT;
-- The zone and the opening hours with which the knowledge was made.
CREATE TABLE calendar (id INTEGER PRIMARY KEY CHECK (id = 0), calendar BLOB NOT NULL) STRICT;
