/* The OpenAPI 3.1 document, from the route rows and the field tables alone. */
#include "kit/app.h"
#include "kit/kit_private.h"

#include <stdio.h>

#define SHAPE_MAX 256

/* Shapes met so far, each written once under components. */
struct shapes {
    const struct shape *at[SHAPE_MAX];
    int count;
};

static void text(struct json_out *json, const char *name, const char *value)
{
    json_name(json, name);
    json_str(json, str_of(value));
}

static void shapes_add(struct shapes *shapes, const struct shape *shape)
{
    for (int i = 0; i < shapes->count; i++)
        if (strcmp(shapes->at[i]->name, shape->name) == 0)
            return;
    must(shapes->count < SHAPE_MAX);
    shapes->at[shapes->count++] = shape;
}

static void ref(struct json_out *json, struct shapes *shapes, const struct shape *shape)
{
    char path[128];

    shapes_add(shapes, shape);
    snprintf(path, sizeof(path), "#/components/schemas/%s", shape->name);
    json_object_begin(json);
    text(json, "$ref", path);
    json_object_end(json);
}

/* "type": "integer", or ["integer", "null"] */
static void type(struct json_out *json, const char *name, bool is_nullable)
{
    json_name(json, "type");
    if (!is_nullable) {
        json_str(json, str_of(name));
        return;
    }
    json_array_begin(json);
    json_str(json, str_of(name));
    json_str(json, S("null"));
    json_array_end(json);
}

static void choices(struct json_out *json, const char *one_of, bool is_nullable)
{
    struct str rest = str_of(one_of), head;
    bool is_more;

    json_name(json, "enum");
    json_array_begin(json);
    do {
        is_more = str_cut(rest, '|', &head, &rest);
        json_str(json, head);
    } while (is_more);
    if (is_nullable)
        json_null(json);
    json_array_end(json);
}

static void limits(struct json_out *json, const struct field *field, const char *min,
                   const char *max)
{
    if (field->min) {
        json_name(json, min);
        json_int(json, field->min);
    }
    if (field->max) {
        json_name(json, max);
        json_int(json, field->max);
    }
}

static void scalar_schema(struct json_out *json, const struct field *field)
{
    if (field->is_json)
        return;
    if (field_is_id(field)) {
        type(json, "string", field->is_optional);
        text(json, "pattern", "^-?[0-9]+$");
    } else if (field->type == F_INT) {
        type(json, "integer", field->is_optional);
        text(json, "format", "int64");
        limits(json, field, "minimum", "maximum");
    } else if (field->type == F_BOOL) {
        type(json, "boolean", field->is_optional);
    } else {
        type(json, "string", field->is_optional);
        if (field->one_of)
            choices(json, field->one_of, field->is_optional);
        limits(json, field, "minLength", "maxLength");
    }
}

static void field_schema(struct json_out *json, struct shapes *shapes, const struct field *field)
{
    if (field->type == F_OBJECT) {
        ref(json, shapes, field->of);
        return;
    }
    json_object_begin(json);
    if (field->about)
        text(json, "description", field->about);
    if (field->type == F_LIST) {
        text(json, "type", "array");
        json_name(json, "items");
        ref(json, shapes, field->of);
        limits(json, field, "minItems", "maxItems");
    } else {
        scalar_schema(json, field);
    }
    json_object_end(json);
}

/* Is the field a part of the path, "{customer_id}"? */
static bool is_in_path(const struct route *route, const struct field *field)
{
    const char *at = strchr(route->path, '{');
    size_t length = strlen(field->name);

    for (; at; at = strchr(at + 1, '{'))
        if (strncmp(at + 1, field->name, length) == 0 && at[1 + length] == '}')
            return true;
    return false;
}

/* A shape as a schema; of the top shape of a body the path's fields are left out. */
static void shape_schema(struct json_out *json, struct shapes *shapes, const struct shape *shape,
                         const struct route *route)
{
    int required_count = 0;

    json_object_begin(json);
    text(json, "type", "object");
    json_name(json, "properties");
    json_object_begin(json);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        if (route && is_in_path(route, field))
            continue;
        json_name(json, field->name);
        field_schema(json, shapes, field);
        required_count += !field->is_optional;
    }
    json_object_end(json);
    if (required_count > 0) {
        json_name(json, "required");
        json_array_begin(json);
        for (size_t i = 0; i < shape->count; i++)
            if (!shape->fields[i].is_optional && !(route && is_in_path(route, &shape->fields[i])))
                json_str(json, str_of(shape->fields[i].name));
        json_array_end(json);
    }
    json_object_end(json);
}

static void parameter(struct json_out *json, struct shapes *shapes, const struct field *field,
                      bool is_path)
{
    json_object_begin(json);
    text(json, "name", field->name);
    text(json, "in", is_path ? "path" : "query");
    json_name(json, "required");
    json_bool(json, is_path || !field->is_optional);
    json_name(json, "schema");
    field_schema(json, shapes, field);
    json_object_end(json);
}

static void header_parameter(struct json_out *json, const char *name, bool is_required)
{
    json_object_begin(json);
    text(json, "name", name);
    text(json, "in", "header");
    json_name(json, "required");
    json_bool(json, is_required);
    json_name(json, "schema");
    json_object_begin(json);
    text(json, "type", "string");
    json_object_end(json);
    json_object_end(json);
}

static void parameters(struct json_out *json, struct shapes *shapes, const struct route *route)
{
    bool is_query = route->method == HTTP_GET || route->is_body_raw || route->kind == ROUTE_UPLOAD;

    json_name(json, "parameters");
    json_array_begin(json);
    for (size_t i = 0; route->in && i < route->in->count; i++) {
        const struct field *field = &route->in->fields[i];
        if (is_in_path(route, field))
            parameter(json, shapes, field, true);
        else if (is_query)
            parameter(json, shapes, field, false);
    }
    if (route->method != HTTP_GET && route->repeat != REPEAT_KEY_IGNORED)
        header_parameter(json, "Idempotency-Key", route->repeat == REPEAT_KEY_REQUIRED);
    json_array_end(json);
}

static void file_schema(struct json_out *json)
{
    json_object_begin(json);
    text(json, "type", "string");
    text(json, "format", "binary");
    json_object_end(json);
}

static void body(struct json_out *json, struct shapes *shapes, const struct route *route)
{
    const struct shape *shape = route->is_body_raw ? route->body : route->in;

    bool is_file = route->kind == ROUTE_UPLOAD;

    if (route->method == HTTP_GET || (shape == NULL && !is_file))
        return;
    json_name(json, "requestBody");
    json_object_begin(json);
    json_name(json, "content");
    json_object_begin(json);
    json_name(json, is_file ? "application/octet-stream" : "application/json");
    json_object_begin(json);
    json_name(json, "schema");
    if (is_file)
        file_schema(json);
    else
        shape_schema(json, shapes, shape, route);
    json_object_end(json);
    json_object_end(json);
    json_object_end(json);
}

static void answer_schema(struct json_out *json, struct shapes *shapes, const struct shape *shape)
{
    json_name(json, "content");
    json_object_begin(json);
    json_name(json, "application/json");
    json_object_begin(json);
    json_name(json, "schema");
    if (shape) {
        ref(json, shapes, shape);
    } else {
        json_object_begin(json);
        text(json, "type", "object");
        json_object_end(json);
    }
    json_object_end(json);
    json_object_end(json);
}

static void answers(struct json_out *json, struct shapes *shapes, const struct route *route)
{
    const char *status = route->kind == ROUTE_BEACON     ? "204"
                         : route->kind == ROUTE_REDIRECT ? "302"
                                                         : "200";

    json_name(json, "responses");
    json_object_begin(json);
    json_name(json, status);
    json_object_begin(json);
    text(json, "description", "Done.");
    if (route->kind == ROUTE_JSON || route->kind == ROUTE_UPLOAD)
        answer_schema(json, shapes, route->out);
    json_object_end(json);
    json_name(json, "4XX");
    json_object_begin(json);
    text(json, "description", "What is wrong, with a stable code.");
    json_name(json, "content");
    json_raw(json,
             S("{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/error\"}}}"));
    json_object_end(json);
    json_name(json, "429");
    json_raw(json, S("{\"$ref\":\"#/components/responses/later\"}"));
    json_name(json, "503");
    json_raw(json, S("{\"$ref\":\"#/components/responses/later\"}"));
    json_object_end(json);
}

static const char *const verbs[] = {"get", "head", "post", "put", "patch", "delete", "options"};

/* "post_api_customers_customer_id_tags": unique because method and path are. */
static void operation_id(struct json_out *json, const struct route *route)
{
    char id[160] = "";
    size_t length = strlen(verbs[route->method]);
    bool is_gap = true;

    memcpy(id, verbs[route->method], length);
    for (const char *at = route->path; *at && length < sizeof(id) - 2; at++) {
        bool is_word = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
        if (is_word && is_gap)
            id[length++] = '_';
        if (is_word)
            id[length++] = *at;
        is_gap = !is_word;
    }
    text(json, "operationId", id);
}

static void security(struct json_out *json, const struct route *route)
{
    json_name(json, "security");
    if (strcmp(route->permission, "public") == 0)
        json_raw(json, S("[]"));
    else if (strcmp(route->permission, "write_key") == 0)
        json_raw(json, S("[{\"session\":[]},{\"api_key\":[]},{\"write_key\":[]}]"));
    else if (route->needs_session)
        json_raw(json, S("[{\"session\":[]}]"));
    else
        json_raw(json, S("[{\"session\":[]},{\"api_key\":[]}]"));
}

static void operation(struct json_out *json, struct shapes *shapes, const struct route *route)
{
    json_name(json, verbs[route->method]);
    json_object_begin(json);
    operation_id(json, route);
    text(json, "summary", route->about ? route->about : route->path);
    json_name(json, "x-permission");
    json_str(json, str_of(route->permission));
    security(json, route);
    parameters(json, shapes, route);
    body(json, shapes, route);
    answers(json, shapes, route);
    json_object_end(json);
}

static bool is_public(const struct route *route)
{
    return strncmp(route->path, "/api/", 5) == 0;
}

/* Is an earlier row of the same path there already? It then wrote all methods of the path. */
static bool is_written(const struct route *const *tables, const struct route *until)
{
    for (int i = 0; tables[i]; i++)
        for (const struct route *route = tables[i]; route->path; route++) {
            if (route == until)
                return false;
            if (strcmp(route->path, until->path) == 0)
                return true;
        }
    return false;
}

static void path(struct json_out *json, struct shapes *shapes, const struct route *const *tables,
                 const struct route *first)
{
    json_name(json, first->path);
    json_object_begin(json);
    for (int i = 0; tables[i]; i++)
        for (const struct route *route = tables[i]; route->path; route++)
            if (strcmp(route->path, first->path) == 0)
                operation(json, shapes, route);
    json_object_end(json);
}

static void components(struct json_out *json, struct shapes *shapes)
{
    json_name(json, "components");
    json_object_begin(json);
    json_name(json, "securitySchemes");
    json_raw(json,
             S("{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"papilio_session\"},"
               "\"api_key\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
               "\"write_key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Write-Key\"}}"));
    json_name(json, "responses");
    json_raw(json,
             S("{\"later\":{\"description\":\"Too often, or not now. Without Retry-After "
               "waiting does not help.\",\"headers\":{\"Retry-After\":{\"description\":"
               "\"Seconds.\",\"schema\":{\"type\":\"integer\"}}},\"content\":"
               "{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/error\"}}}}}"));
    json_name(json, "schemas");
    json_object_begin(json);
    json_name(json, "error");
    json_raw(json, S("{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"object\","
                     "\"properties\":{\"code\":{\"type\":\"string\"},"
                     "\"message\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"}},"
                     "\"required\":[\"code\",\"message\"]}},\"required\":[\"error\"]}"));
    for (int i = 0; i < shapes->count; i++) { /* grows while it is written */
        json_name(json, shapes->at[i]->name);
        shape_schema(json, shapes, shapes->at[i], NULL);
    }
    json_object_end(json);
    json_object_end(json);
}

void app_openapi(const struct app_config *config, struct buf *out)
{
    struct shapes shapes = {.count = 0};
    struct json_out json;

    json_out_init(&json, out);
    json_object_begin(&json);
    text(&json, "openapi", "3.1.0");
    json_name(&json, "info");
    json_raw(&json, S("{\"title\":\"Papilio\",\"version\":\"1\",\"description\":\"The API of a "
                      "Papilio server.\",\"license\":{\"name\":\"Apache-2.0\","
                      "\"identifier\":\"Apache-2.0\"}}"));
    json_name(&json, "servers");
    json_raw(&json, S("[{\"url\":\"/\"}]"));
    json_name(&json, "paths");
    json_object_begin(&json);
    for (int i = 0; config->routes[i]; i++)
        for (const struct route *route = config->routes[i]; route->path; route++)
            if (is_public(route) && !is_written(config->routes, route))
                path(&json, &shapes, config->routes, route);
    json_object_end(&json);
    components(&json, &shapes);
    json_object_end(&json);
}
