-- Frames that an interface dropped itself, and those that it gave to the host because they
-- came by a queue that nobody reads.
ALTER TABLE health_second ADD COLUMN lost_interface INTEGER NOT NULL DEFAULT 0;
ALTER TABLE health_second ADD COLUMN lost_host INTEGER NOT NULL DEFAULT 0;
ALTER TABLE health_minute ADD COLUMN lost_interface INTEGER NOT NULL DEFAULT 0;
ALTER TABLE health_minute ADD COLUMN lost_host INTEGER NOT NULL DEFAULT 0;
