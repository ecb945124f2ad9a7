/* Generated behaviour of a brand's customers: sessions by a Markov chain over 40 kinds, a few customers with most events, a year of
 * days with their hours. The same numbers every time. */
#pragma once

#include "engine/bitmap.h"
#include "engine/store.h"

#define DATA_DAY 86400u
#define DATA_NOW (365u * DATA_DAY) /* seconds run from 0 to here */
#define DATA_KINDS 40
#define DATA_CHANNELS 200
#define DATA_TAGS 500
#define DATA_ASKED 5 /* of the tags, in the segment that is asked for */

enum data_kind { DATA_SCAN, DATA_ADD_FRIEND, DATA_MESSAGE, DATA_VIEW, DATA_CLICK, DATA_CART = 8, DATA_ORDER = 9, DATA_REFUND = 10 };

struct data_event {
    uint32_t customer, second, amount;
    uint8_t kind, channel;
};

struct data {
    struct data_event *events; /* by second */
    size_t count;
    uint32_t customer_count;
    struct bitmap tags[DATA_TAGS]; /* ten a customer, so spread that a few are on most */
};
/* mean: events a customer. 100,000 with 100 are the quick set, 1,000,000 with 100 the full one (ENGINE_CUSTOMERS says how many). */
void data_make(struct data *data, uint32_t customer_count, uint32_t mean);
void data_free(struct data *data);
void data_tags_make(struct bitmap tags[DATA_TAGS], uint32_t customer_count);
extern const int data_asked[DATA_ASKED];
uint32_t data_customers(void); /* as the setting says */

/* Appends events [from, to) in batches. */
void data_append(const struct data *data, struct store *store, size_t from, size_t to);
extern const struct block_schema data_schema;
