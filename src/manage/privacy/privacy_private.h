/* What the files of this folder share. */
#pragma once

#include "manage/privacy/privacy.h"

/* Wipes every record of the person within the caller's transaction. *receipt: a JSON object of what was
 * erased and what stays; the files are the job's. */
enum err erase_person(struct ctx *c, int64_t person_id, struct str *receipt) MUST_USE;
/* Numbers of all records of the person, into the list outside the base: append, fsync. */
enum err deletion_note(struct ctx *c, int64_t person_id) MUST_USE;
/* A deletion whose job failed or was cancelled gets another: once a minute, until it is done. */
enum err request_retry(struct ctx *c) MUST_USE;
/* {"request_id":"1","person_id":"2"}: what both jobs are given. */
enum err privacy_input_read(struct ctx *c, struct str input, int64_t *request_id,
                            int64_t *person_id) MUST_USE;
/* Everything sealed, column by column. */
struct place;
struct rotate_column {
    const char *names; /* "customer.name_enc customer.phone_enc": of one table */
    enum err (*page)(struct ctx *c, struct place *place);
};
extern const struct rotate_column rotate_columns[]; /* ended by names NULL */
