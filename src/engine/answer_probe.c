/* Patterns and fields, ready for one moment. Always: a probe is cut at the moment of asking. */
#include "engine/answer_private.h"

#define KIND_WORDS 1024

struct answer_probe answer_probe(struct answer_run *run, const struct pattern *pattern)
{
    const struct zone *zone = run->query->zone;
    struct span span = window_span(&pattern->window, zone, run->moment->as_of);
    struct answer_probe probe = {.from = span.from, .to = span.to};

    if (probe.to > run->moment->as_of)
        probe.to = run->moment->as_of;
    if (pattern->kind_count > 0) {
        uint64_t *kinds = arena_new_array(run->hands[0].arena, uint64_t, KIND_WORDS);

        for (int i = 0; i < pattern->kind_count; i++)
            kinds[pattern->kinds[i] / 64] |= (uint64_t)1 << pattern->kinds[i] % 64;
        probe.kinds = kinds;
    }
    probe.test_count = pattern->test_count;
    probe.tests =
        arena_new_array(run->hands[0].arena, struct program_test, (size_t)pattern->test_count + 1);
    for (int i = 0; i < pattern->test_count; i++)
        program_test_at(run->program, &probe.tests[i], &pattern->tests[i].test,
                        &pattern->tests[i].field, zone);
    return probe;
}

bool answer_matches(const struct answer_probe *probe, const struct program_event *event)
{
    if (event->second < probe->from || event->second >= probe->to)
        return false;
    if (probe->kinds != NULL && !(probe->kinds[event->kind / 64] >> event->kind % 64 & 1))
        return false;
    for (int i = 0; i < probe->test_count; i++) {
        const struct query_field *field = probe->tests[i].field;
        int64_t value =
            field->kind == QUERY_CHANNEL ? event->channel : program_value(event, field->number);

        if (!program_test_passes(&probe->tests[i], value))
            return false;
    }
    return true;
}

bool answer_is_whole(const struct answer_run *run, const struct answer_probe *probe)
{
    return probe->test_count == 0 && probe->from <= run->first && probe->to > run->last;
}

bool answer_is_one_kind(const struct answer_run *run, const struct answer_probe *probe,
                        const struct pattern *pattern)
{
    return pattern->kind_count == 1 && answer_is_whole(run, probe);
}

/* An empty filter has from == to == 0. */
void answer_filter_add(struct answer_filter *filter, const struct answer_probe *probe)
{
    bool is_empty = filter->from == filter->to;

    if (probe->from >= probe->to)
        return;
    filter->from = is_empty || probe->from < filter->from ? probe->from : filter->from;
    filter->to = is_empty || probe->to > filter->to ? probe->to : filter->to;
    filter->is_any = filter->is_any || probe->kinds == NULL;
    for (int i = 0; i < KIND_WORDS && probe->kinds != NULL; i++)
        filter->kinds[i] |= probe->kinds[i];
}

int64_t answer_event_value(const struct answer_run *run, const struct query_field *field,
                           const struct program_event *event)
{
    switch (field->kind) {
    case QUERY_KIND:
        return event->kind;
    case QUERY_CHANNEL:
        return event->channel;
    case QUERY_DAY:
        return window_unit(run->query->zone, UNIT_DAY, event->second);
    case QUERY_COLUMN:
        return program_value(event, field->number);
    default:
        return NONE;
    }
}

int64_t answer_person_value(const struct answer_run *run, const struct query_field *field,
                            uint32_t kept)
{
    const struct people_column *column = people_column(run->moment->people, field->number);

    return column == NULL ? NONE : people_value(column, kept);
}
