-- What the views ask of risk: how much each asset should worry, with every term. Who is
-- judged has a row; hosts on the Internet have none.
CREATE TABLE risk (
    asset      INTEGER PRIMARY KEY REFERENCES asset (number),
    assessment BLOB NOT NULL
) STRICT;
