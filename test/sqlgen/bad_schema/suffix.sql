-- expect 4: column shop.opened_ms is TEXT, but its name says INTEGER
CREATE TABLE shop (
    id INTEGER NOT NULL PRIMARY KEY,
    opened_ms TEXT NOT NULL
) STRICT;
