/* What the files of this folder share. */
#pragma once

#include "manage/setting/setting.h"

struct setting_definition {
    const char *name, *group;  /* group: brand rules people ledger retention mail */
    const char *kind;          /* int text secret */
    const char *default_value; /* JSON */
    int64_t min, max;          /* of a number; of a text's characters */
    bool is_fixed;             /* stands in meta, written at set-up */
    const char *title_zh, *title_en, *help_zh, *help_en;
};
const struct setting_definition *setting_definition_find(struct str name); /* NULL: none */

/* setting_mail.c: is this a value that mail can be sent with? A secret is kept sealed, with the server it is for. */
enum err setting_mail_check(struct ctx *c, struct str name, struct str text) MUST_USE;
/* JSON text as the table has it; an empty secret stays empty. */
enum err setting_mail_seal(struct ctx *c, struct str secret, struct str *json) MUST_USE;
