/* What the files of this folder share. */
#pragma once

#include "manage/setting/setting.h"

struct setting_definition {
    const char *name, *kind;   /* kind: int text */
    const char *default_value; /* JSON */
    int64_t min, max;          /* of a number; of a text's characters */
    bool is_fixed;             /* stands in meta, written at set-up */
    const char *title_zh, *title_en, *help_zh, *help_en;
};
const struct setting_definition *setting_definition_find(struct str name); /* NULL: none */
