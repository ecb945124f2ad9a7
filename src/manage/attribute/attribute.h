/* Attributes: what a brand records of its customers besides. A definition gives a name its kind: text
 * integer money date choice choices; the values are the members of customer.attributes. */
#pragma once

#include "kit/ctx.h"
#include "kit/route.h"

#define ATTRIBUTES_BYTES_MAX 8192 /* of the JSON object of one customer */

extern const struct route attribute_routes[];

struct attribute {
    int64_t id, place_number;
    struct str name, title, kind, choices; /* choices: JSON list of texts */
    const struct json *choice_list;
    bool is_archived;
};
struct attributes {
    struct attribute *items;
    int64_t count, minor_digits; /* of the brand's currency, for amounts in files */
};

/* All definitions, archived ones too, in their order. Two or three statements. */
enum err attributes_load(struct ctx *c, struct attributes *all) MUST_USE;
const struct attribute *attribute_find(const struct attributes *all, struct str name); /* NULL */
/* Is this what the definition allows? */
bool attribute_is_good(struct ctx *c, const struct attribute *attribute, const struct json *value);

/* A JSON object of at most ATTRIBUTES_BYTES_MAX, or no value? E_INPUT "customer.attributes". */
enum err attributes_check(struct ctx *c, struct str attributes) MUST_USE;
/* `stored` with the members of `given` (JSON objects; no value: {}): null takes one away, the rest stays.
 * E_INPUT with path attributes/NAME: "attribute.unknown" "attribute.archived" "attribute.value";
 * "customer.attributes" when it is no object or becomes too long. */
enum err attributes_patch(struct ctx *c, const struct attributes *all, struct str stored,
                          struct str given, struct str *out) MUST_USE;
/* The same for texts from a file: a defined name or title is read as its kind ("12.50" as money, choices apart
 * by commas), other names stay free text. E_INPUT "attribute.value". */
enum err attributes_read(struct ctx *c, const struct attributes *all, struct str given,
                         struct str *out) MUST_USE;
/* `stored` with the members of `given` laid over it, nothing checked. */
enum err attributes_join(struct ctx *c, struct str stored, struct str given,
                         struct str *out) MUST_USE;
