/* Whose rows a query may touch, written once: in_scope(c) for an alias of customer, and
 * customer_in_scope(o.customer_id) for a reference to one. They become conditions over what the ctx
 * knows of the one who asks, so no handler can forget to pass them. */
#include "sqlgen.h"

#include <ctype.h>
#include <string.h>

#define OWN_OR_STORE                                                                               \
    "%.*s.owner_staff_id = :me_staff_id OR (:me_reach_number = 1 AND %.*s.org_id IN "              \
    "(SELECT scope_org.id FROM org scope_org WHERE scope_org.path >= :me_org_path "                \
    "AND scope_org.path < :me_org_path_end))"

static bool is_word(char at)
{
    return isalnum((unsigned char)at) || at == '_';
}

/* Is the macro's name here, as a word of its own and opened by a parenthesis? */
static bool is_macro(const struct query *query, size_t at, const char *name)
{
    size_t len = strlen(name);

    return at + len < query->sql_len && memcmp(query->sql + at, name, len) == 0 &&
           (at == 0 || !is_word(query->sql[at - 1]));
}

static size_t argument_len(const struct query *query, size_t at)
{
    const char *end = memchr(query->sql + at, ')', query->sql_len - at);
    size_t len = end ? (size_t)(end - query->sql) - at : 0;

    for (size_t i = 0; i < len; i++)
        if (!is_word(query->sql[at + i]) && query->sql[at + i] != '.')
            len = 0;
    if (len == 0)
        die(query->place, "query '%s': in_scope(alias) or customer_in_scope(alias.column)",
            query->name);
    return len;
}

static void alias_expand(struct text *out, const char *alias, int len)
{
    text_add(out, "(:me_reach_number = 2 OR " OWN_OR_STORE ")", len, alias, len, alias);
}

/* The person of a record that was merged has the owner. */
static void reference_expand(struct text *out, const char *column, int len)
{
    const char *alias = "scope_person";
    int alias_len = (int)strlen(alias);

    text_add(out,
             "(:me_reach_number = 2 OR EXISTS (SELECT 1 FROM customer scope_record "
             "JOIN customer scope_person ON scope_person.id = "
             "coalesce(scope_record.merged_into_id, scope_record.id) "
             "WHERE scope_record.id = %.*s AND (" OWN_OR_STORE ")))",
             len, column, alias_len, alias, alias_len, alias);
}

void scope_expand(struct query *query)
{
    static const char *const alias_name = "in_scope(", *const column_name = "customer_in_scope(";
    struct text out = {0};
    size_t at = 0;

    while (at < query->sql_len) {
        bool is_column = is_macro(query, at, column_name);
        if (!is_column && !is_macro(query, at, alias_name)) {
            text_bytes(&out, query->sql + at++, 1);
            continue;
        }
        at += strlen(is_column ? column_name : alias_name);
        size_t len = argument_len(query, at);
        if (is_column)
            reference_expand(&out, query->sql + at, (int)len);
        else
            alias_expand(&out, query->sql + at, (int)len);
        at += len + 1;
    }
    query->sql = out.at;
    query->sql_len = out.len;
}
