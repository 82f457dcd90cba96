-- The edge's durable memory. Identifiers are sealed (message.value, study.report) or keyed (everything else named here).
-- Times are microseconds since 1970 in UTC.
BEGIN IMMEDIATE;

-- The instant of the last transaction; the next one is later, also if the machine's clock steps back.
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), instant INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);

-- What is to be published, in the order in which it was committed. An empty broker is filled from here; only an opt-out takes something out.
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

-- How far each cluster has acknowledged. Writers take turns, so ids are committed in order and one number says it all.
CREATE TABLE IF NOT EXISTS sent (cluster TEXT PRIMARY KEY, through INTEGER NOT NULL);

-- The spreadsheets taken in. The receipt is a keyed fingerprint of the file's bytes.
CREATE TABLE IF NOT EXISTS upload (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    receipt TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL UNIQUE,
    rows INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS upload_of_sheet ON upload (site, kind, uploaded_at);

-- The studies taken in: one for each PatientID met in a study at a site, with the last report made of it.
CREATE TABLE IF NOT EXISTS study (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    study TEXT NOT NULL,
    patient TEXT NOT NULL,
    key BLOB NOT NULL,
    report BLOB NOT NULL,
    open_since INTEGER,  -- since when more of it may be on its way, as the node sees it; NULL: it is settled
    last_at INTEGER,     -- when its latest new instance came through the node
    UNIQUE (site, study, patient)
);
CREATE INDEX IF NOT EXISTS study_open ON study (site) WHERE open_since IS NOT NULL;

-- Which instances a study has, by keyed fingerprint of the SOPInstanceUID, so that each counts once over all commands.
CREATE TABLE IF NOT EXISTS instance (
    study INTEGER NOT NULL REFERENCES study (id),
    fingerprint BLOB NOT NULL,
    modality TEXT NOT NULL,
    file TEXT,  -- in the study's folder of the store, pseudonymous; NULL: counted before there was a store
    PRIMARY KEY (study, fingerprint)
) WITHOUT ROWID;

-- Staged files that belong in the store, and where. A row is deleted once the file is known to be there, also after a power cut.
CREATE TABLE IF NOT EXISTS placing (staged TEXT PRIMARY KEY, path TEXT NOT NULL);

-- What was handed in and what became of it: a line for each sheet, also one that was refused, and one a day and door for images.
CREATE TABLE IF NOT EXISTS handed_in (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    what TEXT NOT NULL,      -- the kind of sheet, or images
    way TEXT NOT NULL,       -- how it came
    who TEXT NOT NULL,       -- the user's name, where there is one
    at INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    taken INTEGER NOT NULL,  -- rows or images
    problems INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    day TEXT,                -- of images; NULL for a sheet
    UNIQUE (site, way, day)
);
CREATE INDEX IF NOT EXISTS handed_in_of_site ON handed_in (site, at);

PRAGMA user_version = 3;
COMMIT;
