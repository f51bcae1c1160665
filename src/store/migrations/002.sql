-- What changed in the knowledge, and when: appended, never rewritten. The oldest rows go
-- when there are too many.
CREATE TABLE change (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,       -- nanoseconds since 1970, UTC, by the packets' clock
    asset  TEXT NOT NULL,          -- its id
    what   TEXT NOT NULL,          -- `appeared`, `gone`, or the attribute
    before TEXT NOT NULL,
    after  TEXT NOT NULL
) STRICT;
CREATE INDEX change_of ON change (asset);
CREATE TRIGGER change_stands BEFORE UPDATE ON change
BEGIN SELECT RAISE(ABORT, 'what changed is not rewritten'); END;
