/* The segments of one customer. Always: a person's, under whichever record is asked; archived ones
 * are left out, since nobody comes in or goes out of them any more. */
#include "gen/segment.q.h"
#include "manage/customer/customer.h"
#include "manage/segment/segment.h"

struct segments_of_in {
    int64_t customer_id;
};
struct segments_of_out {
    struct list items;
};
static const struct field segments_of_in[] = {IN(struct segments_of_in, customer_id)};
static const struct field segment_of[] = {
    OUT(struct q_segment_of_person_row, id),
    OUT(struct q_segment_of_person_row, name),
    OUT(struct q_segment_of_person_row, kind, .one_of = "live|static"),
    OUT(struct q_segment_of_person_row, tag_id, .is_optional = true),
    OUT(struct q_segment_of_person_row, tag_name, .is_optional = true),
    OUT(struct q_segment_of_person_row, since_ms),
};
static const struct field segments_of_out[] = {
    OUT(struct segments_of_out, items,
        .of = SHAPE_OF("segment_of", segment_of, struct q_segment_of_person_row)),
};

static enum err segments_of_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segments_of_in *in = in_;
    struct segments_of_out *out = out_;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    return q_segment_of_person(c, person_id, &out->items);
}

const struct route segment_person_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/segments", "customer.read", SHAPE(segments_of_in),
     SHAPE(segments_of_out), segments_of_run, .about = "The segments a customer is in, since when"},
    {.path = NULL},
};
