-- expect 4: near "NUL": syntax error
CREATE TABLE shop (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NUL
) STRICT;
