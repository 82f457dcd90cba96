-- The portal's memory: who may log in, who is logged in, who did what. No number, name or file of a patient is in it.
-- Times are seconds since 1970 in UTC.
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY,                        -- folded to lower case
    site TEXT NOT NULL,
    administrator INTEGER NOT NULL CHECK (administrator IN (0, 1)),
    password TEXT NOT NULL,                       -- Argon2id, with its own salt and parameters
    must_change INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
);

-- The cookie's secret is not here, only its SHA-256: who reads this file can log in as nobody.
CREATE TABLE IF NOT EXISTS session (
    digest BLOB PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);

-- What is limited: failed logins by user name and by address, questions by user name.
CREATE TABLE IF NOT EXISTS attempt (kind TEXT NOT NULL, who TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS attempt_of_whom ON attempt (kind, who, at);

-- Who did what and when: counts, never numbers.
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    account TEXT NOT NULL,
    site TEXT NOT NULL,
    act TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_of_site ON entry (site, id);

PRAGMA user_version = 1;
COMMIT;
