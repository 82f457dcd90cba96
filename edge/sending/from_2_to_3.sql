-- Files made before what a site hands in was noted get the place for it, with the sheets that are known.
CREATE TABLE handed_in (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    what TEXT NOT NULL,
    way TEXT NOT NULL,
    who TEXT NOT NULL,
    at INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    day TEXT,
    UNIQUE (site, way, day)
);
CREATE INDEX handed_in_of_site ON handed_in (site, at);
INSERT INTO handed_in (site, what, way, who, at, accepted, taken, problems, warnings)
    SELECT site, kind, 'unknown', '', uploaded_at, 1, rows, 0, 0 FROM upload ORDER BY uploaded_at;
PRAGMA user_version = 3;
