-- expect 4: column shop.size is INTEGER, but its name says TEXT
CREATE TABLE shop (
    id INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;
