/* What set-up fixes for good: the brand's zone and currency. */
#include "gen/setting.q.h"
#include "host/file.h"
#include "kit/app.h"
#include "manage/setting/setting.h"

static const struct currency {
    const char *code;
    int64_t minor_digits;
} currencies[] = {
    {"CNY", 2}, {"HKD", 2}, {"TWD", 2}, {"MOP", 2}, {"USD", 2}, {"EUR", 2}, {"GBP", 2}, {"JPY", 0},
    {"KRW", 0}, {"SGD", 2}, {"MYR", 2}, {"THB", 2}, {"VND", 0}, {"IDR", 2}, {"PHP", 2}, {"INR", 2},
    {"AUD", 2}, {"NZD", 2}, {"CAD", 2}, {"CHF", 2}, {"SEK", 2}, {"NOK", 2}, {"DKK", 2}, {"PLN", 2},
    {"CZK", 2}, {"HUF", 2}, {"RUB", 2}, {"KZT", 2}, {"TRY", 2}, {"AED", 2}, {"SAR", 2}, {"ILS", 2},
    {"ZAR", 2}, {"BRL", 2}, {"MXN", 2}, {"CLP", 0}, {"KWD", 3}, {"BHD", 3}, {"OMR", 3}, {"JOD", 3},
};

int64_t currency_minor_digits(struct str currency)
{
    for (size_t i = 0; i < ARRAY_LEN(currencies); i++)
        if (str_is(currency, currencies[i].code))
            return currencies[i].minor_digits;
    return NONE;
}

enum err setting_currency(struct ctx *c, struct str *currency, int64_t *minor_digits)
{
    TRY(setting_text(c, "currency", currency));
    *minor_digits = currency_minor_digits(*currency);
    must(*minor_digits != NONE);
    return OK;
}

static enum err meta_set(struct ctx *c, const char *name, struct str value)
{
    int64_t changed_count;

    TRY(q_setting_meta_set(c, str_of(name), value, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "setup.done", "%s was set before", name);
    return OK;
}

static struct str json_text(struct ctx *c, struct str text)
{
    struct json_out json;
    struct buf buf;
    struct str out;

    buf_init(&buf, 4096);
    json_out_init(&json, &buf);
    json_str(&json, text);
    out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

enum err setting_setup_write(struct ctx *c, const struct setting_setup *setup)
{
    struct str brand = json_text(c, setup->brand_name);
    struct zone *zone;
    int64_t changed_count;

    if (zone_load(c->arena, setup->zone, &zone) != OK)
        return fail_at(c, "setup.zone", S("zone"), "no such time zone");
    if (currency_minor_digits(setup->currency) == NONE)
        return fail_at(c, "setup.currency", S("currency"), "no such currency");
    TRY(meta_set(c, "zone", setup->zone));
    TRY(meta_set(c, "currency", setup->currency));
    TRY(q_setting_first(c, S("brand_name"), brand, &changed_count));
    TRY(q_setting_version_add(
        c, &(struct q_setting_version_add_in){S("brand_name"), 1, brand, S("set-up")}));
    return app_zone_recall(c);
}
