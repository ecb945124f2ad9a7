/* The yardstick: kernels written by hand for one shape of data (kinds below 64, channels below 256, one amount, no news, AVX-512), as
 * near to the machine's limit as they came. The engine is measured beside them. */
#pragma once

#include "engine_data.h"

struct proto {
    uint32_t customers;
    uint64_t *off;            /* [customers + 1] */
    uint8_t *kinds, *channels; /* 64 bytes may be read before and behind */
    uint32_t *seconds;
    uint64_t *amount_off; /* per customer, into amounts of orders and refunds */
    uint32_t *amounts;
    uint32_t *order_off, *order_seconds, *order_amounts; /* postings */
    uint32_t *firsts, *lasts;
    uint64_t *weeks;
    uint64_t *tags[DATA_ASKED];
};
bool proto_can(void); /* this machine has AVX-512 */
void proto_make(struct proto *proto, const struct data *data, const struct snapshot *snapshot);

void proto_funnel(const struct proto *p, const uint8_t kinds[4], uint64_t levels[5]);
void proto_funnel_back(const struct proto *p, const uint8_t kinds[4], uint64_t levels[5]);
uint64_t proto_segment(const struct proto *p, bool is_summed);
void proto_rfm(const struct proto *p, bool is_summed, uint64_t cells[125]);
void proto_cohort(const struct proto *p, bool is_summed, uint64_t reach[12][13]);
void proto_channels(const struct proto *p, uint64_t channels[256][4]);
void proto_intervals(const struct proto *p, bool is_summed, uint64_t days[400]);
void proto_paths(const struct proto *p, uint64_t pairs[64][64]);
