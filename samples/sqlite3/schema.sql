-- Every worker runs this file at startup, so it must not fail or delete
-- anything when the tables exist.
CREATE TABLE IF NOT EXISTS users (
    user_id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL
);
