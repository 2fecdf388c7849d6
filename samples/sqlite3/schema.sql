CREATE TABLE IF NOT EXISTS users (
    user_id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL
);

-- 0 in a new file: that is how get_db knows one.
PRAGMA user_version = 1;
