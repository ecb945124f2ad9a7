-- expect 2: table shop is not STRICT
CREATE TABLE shop (
    id INTEGER NOT NULL PRIMARY KEY
);
