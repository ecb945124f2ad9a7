/* What the saga's files share. */
#pragma once

#include "gen/saga.q.h"
#include "kit/kit_private.h"
#include "kit/saga.h"
#include "kit/worker.h"

/* ---- for the frame --------------------------------------------------------------------------- */

struct sagas *sagas_new(struct app *app);
void sagas_begin(struct sagas *sagas); /* from now on what is due is done */
void sagas_wake(struct sagas *sagas);
void sagas_stop(struct sagas *sagas);

/* ---- for its files --------------------------------------------------------------------------- */

const struct saga_kind *saga_kind_find(const struct app *app, struct str name); /* NULL: none */
enum saga_status saga_status_find(struct str name);
struct saga saga_of(const struct q_saga_row_row *row);
/* What the other side says becomes state: on the writer. `is_answer`: to what we asked or paid, so that
 * the saga is put off to its next look. */
enum err saga_take(struct ctx *c, const struct q_saga_row_row *row, const struct saga_report *report,
                   bool is_answer) MUST_USE;
enum err saga_difference(struct ctx *c, struct q_difference_add_in *rows, int64_t count,
                         int64_t *added_count) MUST_USE;
/* Yesterday's bills that have not been compared yet. *next_ms: when the next are to be had. */
enum err saga_bills_do(struct app *app, struct arena *arena, int64_t *next_ms) MUST_USE;
