-- Files made before there was a store and a node get what these keep.
ALTER TABLE study ADD COLUMN open_since INTEGER;
ALTER TABLE study ADD COLUMN last_at INTEGER;
CREATE INDEX study_open ON study (site) WHERE open_since IS NOT NULL;
ALTER TABLE instance ADD COLUMN file TEXT;
CREATE TABLE placing (staged TEXT PRIMARY KEY, path TEXT NOT NULL);
PRAGMA user_version = 2;
