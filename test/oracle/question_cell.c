/* Cells at random: columns that the answer has, with values that its rows may have. */
#include "question_private.h"

static void put_number(struct writer *w, const char *name, int64_t low, int64_t count)
{
    if (is_so(w, 50))
        return;
    PUT(w, "%s\"%s\": ", w->out->at[w->out->len - 1] == '{' ? "" : ", ", name);
    if (is_so(w, 70))
        PUT(w, I64, low + below(w, count));
    else
        PUT(w, "[" I64 ", " I64 "]", low + below(w, count), low + below(w, count));
}

static void put_group(struct writer *w, const char *name)
{
    if (w->by == BY_NONE || is_so(w, 30))
        return;
    PUT(w, "%s\"%s\": ", w->out->at[w->out->len - 1] == '{' ? "" : ", ", name);
    if (w->by == BY_KIND)
        question_kind(w);
    else
        question_values(w, w->by == BY_CHANNEL ? VALUE_ID
                           : w->by == BY_DAY   ? VALUE_DATE
                                               : w->by_type);
}

void question_keys(struct writer *w, enum query_ask ask)
{
    if (ask == QUERY_PATHS) {
        w->by = w->by == BY_NONE ? BY_KIND : w->by;
        put_number(w, "position", 0, 4);
        put_group(w, "from");
        put_group(w, "to");
        return;
    }
    if (ask == QUERY_BREAKDOWN && is_so(w, 40)) {
        PUT(w, "\"group\": null");
        return;
    }
    if (ask == QUERY_FUNNEL)
        put_number(w, "level", 0, 4);
    if (ask == QUERY_RETENTION)
        put_number(w, "unit", 0, 4);
    if (ask == QUERY_INTERVAL)
        put_number(w, "days", 0, 6);
    for (const char *fifth = "rfm"; ask == QUERY_RFM && *fifth != '\0'; fifth++)
        put_number(w, (const char[]){*fifth, '\0'}, 1, 5);
    if (ask == QUERY_FLOW) {
        put_number(w, "from", 0, 4);
        put_number(w, "to", 0, 4);
    }
    if (ask == QUERY_FUNNEL || ask == QUERY_BREAKDOWN || ask == QUERY_TREND || ask == QUERY_FLOW)
        put_group(w, "group");
}
