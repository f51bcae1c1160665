-- What tells each asset from others: identifiers with their kinds, strengths and times.
CREATE TABLE identifier (
    asset INTEGER PRIMARY KEY REFERENCES asset (number),
    list  BLOB NOT NULL
) STRICT;
