/* The route table: whole paths by hash, paths with parts in braces one after the other. */
#include "kit/route.h"

#include "kit/kit_private.h"

static const int statuses[ERR_COUNT] = {
    [OK] = 200,          [E_INPUT] = 400,    [E_SIGN_IN] = 401,   [E_FORBIDDEN] = 403,
    [E_NOT_FOUND] = 404, [E_CONFLICT] = 409, [E_TOO_LARGE] = 413, [E_MISMATCH] = 422,
    [E_RATE] = 429,      [E_BUSY] = 503,     [E_IO] = 500,        [E_CORRUPT] = 500,
    [E_INTERNAL] = 500,
};

int route_status(enum err err)
{
    must(err < ERR_COUNT);
    return statuses[err];
}

static const char *const method_names[] = {"GET",   "HEAD",   "POST",   "PUT",
                                           "PATCH", "DELETE", "OPTIONS"};

static int part_split(struct str path, struct str parts[PATH_PARTS_MAX])
{
    int count = 0;
    struct str head;

    path = str_sub(path, 1, path.len);
    while (count < PATH_PARTS_MAX) {
        bool is_more = str_cut(path, '/', &head, &path);
        parts[count++] = head;
        if (!is_more)
            return count;
    }
    return -1;
}

static bool is_brace(struct str part)
{
    return part.len > 2 && part.at[0] == '{' && part.at[part.len - 1] == '}';
}

static bool pattern_fits(const struct route *route, const struct call *call)
{
    struct str parts[PATH_PARTS_MAX];
    int count = part_split(str_of(route->path), parts);

    if (count != call->part_count)
        return false;
    for (int i = 0; i < count; i++)
        if (!is_brace(parts[i]) && !str_eq(parts[i], call->parts[i]))
            return false;
    return true;
}

const struct route *route_match(struct call *call)
{
    enum http_method method = call->method == HTTP_HEAD ? HTTP_GET : call->method;
    struct str key;
    int64_t *at;

    key = str_fmt(call->arena, "%s %.*s", method_names[method], STR(call->path));
    at = map_find(call->app->routes, key);
    if (at)
        return call->app->exact[*at - 1];
    call->part_count = part_split(call->path, call->parts);
    for (int i = 0; i < call->app->open_count; i++)
        if (call->app->open[i]->method == method && pattern_fits(call->app->open[i], call))
            return call->app->open[i];
    return NULL;
}

static enum err route_add(struct app *app, const struct route *route, struct str *why)
{
    struct str key;
    int64_t *slot;
    bool is_new;

    if (strchr(route->path, '{')) {
        app->open[app->open_count++] = route;
        return OK;
    }
    key = str_fmt(app->arena, "%s %s", method_names[route->method], route->path);
    slot = map_slot(app->routes, key, &is_new);
    if (!is_new) {
        *why = str_fmt(app->arena, "two routes: %.*s", STR(key));
        return E_INTERNAL;
    }
    app->exact[app->exact_count++] = route;
    *slot = app->exact_count;
    return OK;
}

enum err route_table_build(struct app *app, struct str *why)
{
    const struct route *const *tables = app->config.routes;
    size_t count = 0;

    for (int i = 0; tables && tables[i]; i++)
        for (const struct route *route = tables[i]; route->path; route++)
            count++;
    app->routes = map_new(app->arena, count + 1);
    app->exact = arena_new_array(app->arena, const struct route *, count + 1);
    app->open = arena_new_array(app->arena, const struct route *, count + 1);
    for (int i = 0; tables && tables[i]; i++)
        for (const struct route *route = tables[i]; route->path; route++)
            TRY(route_add(app, route, why));
    return OK;
}
