CREATE TABLE coupon (
    id INTEGER NOT NULL PRIMARY KEY,
    shop_id INTEGER REFERENCES shop (id),
    code TEXT NOT NULL UNIQUE,
    title TEXT,
    left_count INTEGER NOT NULL CHECK (left_count >= 0),
    price_fen INTEGER,
    is_open INTEGER NOT NULL,
    code_hash BLOB,
    created_ms INTEGER NOT NULL,
    staff_id INTEGER
) STRICT;
CREATE INDEX coupon_by_shop ON coupon (shop_id, id);
