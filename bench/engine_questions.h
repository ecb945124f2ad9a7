/* The questions that the engine's benchmarks ask of the generated events: ours, and where the prototype has a kernel, that. */
#pragma once

#include "bench.h"
#include "engine_proto.h"

#include "engine/scan.h"

#define ANSWER_MAX 4096

struct asker {
    const struct data *data;
    const struct proto *proto;
    struct scan scan; /* how ours is asked; `only` is set by the question */
};

/* An answer is numbers in rows of `width`; a row's place gives its keys, which count from `base` on, the last one fastest. Rows without
 * anything are no part of it. */
struct question {
    const char *name;
    void (*ours)(const struct asker *asker, int64_t *answer);
    void (*theirs)(const struct asker *asker, int64_t *answer); /* summaries where ours has them */
    double bar;                                                 /* ours beside theirs */
    const char *other; /* maybe NULL: the name of how it is asked too, from columns alone or each funnel forward */
    int keys[3], base, width;
};
#define QUESTION_COUNT 8
extern const struct question questions[QUESTION_COUNT];

/* CPU time of this thread for ours (or theirs), the answer begun with zeros. */
double question_us(const struct asker *asker, const struct question *question, bool is_ours, int64_t *answer);
double question_clock_us(void);
/* The rows as JSON: [[keys, numbers], ...]. */
void answer_print(const struct question *question, const int64_t *answer);
