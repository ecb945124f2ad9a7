/* `papilio import customers`: one row a person. A row finds its customer by any of its identities,
 * adds what is missing and changes what is given; columns that are none of ours become attributes.
 */
#include "base/json.h"
#include "manage/import/import_beside.h"
#include "manage/import/import_private.h"
#include "manage/attribute/attribute.h"
#include "manage/channel/channel.h"
#include "manage/customer/customer.h"

enum column {
    NAME,
    PHONE,
    EMAIL,
    REGION,
    CHANNEL,
    CUSTOMER,
    MEMBER_NO,
    UNIONID,
    EXTERNAL_USERID,
    TOUCHED_AT,
    ADDED_AT,
    INVITED_BY,
    TAGS,
    OWNER,
    STORE,
    BIRTHDAY,
    CHILD_BIRTHDAY,
    COLUMN_COUNT
};
static const struct import_column columns[COLUMN_COUNT] = {
    [NAME] = {"name", IMPORT_TEXT, false, false, 100,
              "name|fullname|customername|姓名|客户姓名|客户名称|昵称|名字", "王芳"},
    [PHONE] = {"phone", IMPORT_TEXT, false, false, 40,
               "phone|mobile|phonenumber|tel|telephone|手机|手机号|手机号码|电话|联系电话",
               "13800000000"},
    [EMAIL] = {"email", IMPORT_TEXT, false, false, 200, "email|mail|emailaddress|邮箱|电子邮箱",
               "wangfang@example.com"},
    [REGION] = {"region", IMPORT_TEXT, false, false, 100,
                "region|country|province|地区|国家|省份|省", "浙江"},
    [CHANNEL] = {"channel", IMPORT_TEXT, false, false, 100,
                 "channel|channelcode|渠道|来源渠道|渠道编码"},
    [CUSTOMER] = {"customer", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                  "customer|customerid|customerno|userid|shopid|客户编号|客户id|用户id"},
    [MEMBER_NO] = {"member_no", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                   "memberno|memberid|membernumber|会员号|会员编号|会员卡号", "M10001"},
    [UNIONID] = {"unionid", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX, "unionid"},
    [EXTERNAL_USERID] = {"external_userid", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                         "externaluserid|外部联系人id"},
    [TOUCHED_AT] = {"touched_at", IMPORT_TIME, false, false, 0,
                    "touchedat|firstseen|首次触达|首次触达时间", "2026-01-05"},
    [ADDED_AT] = {"added_at", IMPORT_TIME, false, false, 0,
                  "addedat|registeredat|createdat|joinedat|注册时间|添加时间|入会时间|创建时间",
                  "2026-01-05 10:00"},
    [INVITED_BY] = {"invited_by", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                    "invitedby|referrer|referredby|邀请人|推荐人"},
    [TAGS] = {"tags", IMPORT_TEXT, false, false, 1000, "tags|tag|标签|客户标签"},
    [OWNER] = {"owner", IMPORT_TEXT, false, false, 60,
               "owner|ownerlogin|负责人|负责员工|归属员工|跟进人|导购"},
    [STORE] = {"store", IMPORT_TEXT, false, false, 60,
               "store|storecode|门店|门店代码|门店编码|归属门店"},
    [BIRTHDAY] = {"birthday", IMPORT_DAY, false, false, 0,
                  "birthday|birthdate|dateofbirth|生日|出生日期", "1990-05-01"},
    [CHILD_BIRTHDAY] = {"child_birthday", IMPORT_DAY, false, false, 0,
                        "childbirthday|babybirthday|孩子生日|宝宝生日|宝宝出生日期", "2025-08-15"},
};

#define REF_MAX 12

/* One call's worth of rows. */
struct chunk {
    struct import *run;
    struct import_row **rows;
    struct customer_new *people;
    struct beside_row *beside;
    struct customer_ref *inviters; /* value.at NULL: none */
    int64_t count;
    struct map *named; /* "kind value" of every identity of the chunk */
};

static bool is_identity(struct str name)
{
    return str_starts(name, S("openid:")) || str_starts(name, S("shop:"));
}

/* ---- a row becomes a person ----------------------------------------------------------------- */

static void ref_add(struct customer_new *person, struct customer_ref *refs, struct str kind,
                    struct str value)
{
    if (value.len > 0 && person->ref_count < REF_MAX)
        refs[person->ref_count++] = (struct customer_ref){kind, value};
}

static void person_refs(struct ctx *c, const struct import *run, const struct import_row *row,
                        struct customer_new *person)
{
    struct customer_ref *refs = arena_new_array(c->arena, struct customer_ref, REF_MAX);
    const struct import_mapping *mapping = run->mapping;

    ref_add(person, refs, mapping->customer_kind, row->values[CUSTOMER].text);
    ref_add(person, refs, S("member_no"), row->values[MEMBER_NO].text);
    ref_add(person, refs, S("unionid"), row->values[UNIONID].text);
    ref_add(person, refs, S("external_userid"), row->values[EXTERNAL_USERID].text);
    for (int64_t i = 0; i < mapping->extra_count; i++) {
        if (is_identity(mapping->extras[i].name))
            ref_add(person, refs, mapping->extras[i].name,
                    str_trim(row->fields[mapping->extras[i].at]));
    }
    person->refs = refs;
}

/* Further columns as a JSON object of texts; empty cells are left out. */
static struct str person_attributes(struct ctx *c, const struct import *run, struct import_row *row)
{
    const struct import_mapping *mapping = run->mapping;
    struct str text = {NULL, 0};
    struct json_out json;
    struct buf buf;
    int64_t count = 0;

    buf_init(&buf, 4 * ATTRIBUTES_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (int64_t i = 0; i < mapping->extra_count; i++) {
        struct str value = str_trim(row->fields[mapping->extras[i].at]);

        if (value.len == 0 || is_identity(mapping->extras[i].name))
            continue;
        json_name(&json, str_cstr(c->arena, mapping->extras[i].name));
        json_str(&json, value);
        count++;
    }
    json_object_end(&json);
    if (buf.is_full || buf.len > ATTRIBUTES_BYTES_MAX)
        import_refuse(row, "row.too_long", S("the further columns are too long"));
    else if (count > 0)
        text = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static void person_fill(struct ctx *c, const struct import *run, struct import_row *row,
                        struct customer_new *person)
{
    const struct import_value *values = row->values;

    customer_new_init(person);
    person->name = values[NAME].text;
    person->phone = values[PHONE].text;
    person->email = values[EMAIL].text;
    person->region = values[REGION].text;
    person->touched_ms = values[TOUCHED_AT].number;
    person->added_ms = values[ADDED_AT].number;
    if (person->touched_ms == NONE)
        person->touched_ms = person->added_ms;
    person_refs(c, run, row, person);
    person->attributes = person_attributes(c, run, row);
    if (row->code == NULL && person->touched_ms != NONE && person->touched_ms > c->now_ms)
        import_refuse(row, "row.date", S("the first touch lies in the future"));
    if (row->code == NULL && person->added_ms != NONE && person->added_ms > c->now_ms)
        import_refuse(row, "row.date", S("added_at lies in the future"));
}

/* ---- channels ------------------------------------------------------------------------------- */

static enum err chunk_channels(struct ctx *c, struct chunk *chunk)
{
    struct str *codes = arena_new_array(c->arena, struct str, (size_t)chunk->count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)chunk->count);

    for (int64_t i = 0; i < chunk->count; i++) {
        codes[i] = chunk->rows[i]->values[CHANNEL].text;
        if (codes[i].at == NULL)
            codes[i] = chunk->run->mapping->channel;
    }
    TRY(channel_find_batch(c, codes, chunk->count, ids));
    for (int64_t i = 0; i < chunk->count; i++) {
        chunk->people[i].channel_id = ids[i];
        if (codes[i].at != NULL && ids[i] == NONE && chunk->rows[i]->code == NULL)
            import_refuse(chunk->rows[i], "row.channel_unknown", S("there is no such channel"));
    }
    return OK;
}

/* ---- one call, and what undo needs of it ----------------------------------------------------- */

#define MADE_BYTES_MAX (64 * 1024)

static struct str made_text(struct ctx *c, const struct import *run,
                            const struct customer_import *batch, int64_t *made_count)
{
    struct map *seen = map_new(c->arena, (size_t)batch->count);
    struct str text;
    struct buf *buf = ctx_buf(c, MADE_BYTES_MAX);
    bool is_new;

    *made_count = 0;
    for (int64_t i = 0; i < batch->count; i++) {
        if (batch->ids[i] == NONE || batch->ids[i] < run->first_id)
            continue;
        map_slot(seen, (struct str){(const char *)&batch->ids[i], sizeof(int64_t)}, &is_new);
        if (!is_new)
            continue;
        if ((*made_count)++ > 0)
            buf_char(buf, ',');
        buf_int(buf, batch->ids[i]);
    }
    must(!buf->is_full);
    text = str_copy(c->arena, buf_view(buf));
    buf_release(buf);
    return text;
}

static enum err chunk_batch(struct ctx *c, struct chunk *chunk, struct customer_import *batch)
{
    int64_t made_count;
    struct str made;

    TRY(customer_import_batch(c, batch));
    made = made_text(c, chunk->run, batch, &made_count);
    if (made_count > 0)
        import_effect(c, chunk->run, "customers", made_count, made);
    if (batch->change_count > 0)
        import_effect(c, chunk->run, "changes", batch->change_count, batch->changes);
    return OK;
}

/* ---- who invited whom ----------------------------------------------------------------------- */

static struct str named_key(struct ctx *c, struct customer_ref ref)
{
    return str_fmt(c->arena, "%.*s %.*s", STR(ref.kind), STR(ref.value));
}

#define NAMED_MAX 2000000 /* a dry run of more people looks no further back */

static void chunk_name(struct ctx *c, struct chunk *chunk, struct customer_ref ref)
{
    struct customer_ref normal;
    bool is_new;

    if (ref.value.at != NULL && customer_ref_normal(c, ref, &normal) == OK &&
        map_count(chunk->named) < NAMED_MAX)
        map_slot(chunk->named, named_key(c, normal), &is_new);
    c->fault = (struct fault){0};
}

static void chunk_names(struct ctx *c, struct chunk *chunk)
{
    for (int64_t i = 0; i < chunk->count; i++) {
        const struct customer_new *person = &chunk->people[i];

        if (chunk->rows[i]->code != NULL)
            continue;
        chunk_name(c, chunk, (struct customer_ref){S("phone"), person->phone});
        for (int64_t k = 0; k < person->ref_count; k++)
            chunk_name(c, chunk, person->refs[k]);
    }
}

/* An inviter is there already, or comes with these rows; else the row is refused. */
static enum err inviter_check(struct ctx *c, struct chunk *chunk, int64_t i)
{
    struct import_row *row = chunk->rows[i];
    struct customer_ref ref = {chunk->run->mapping->customer_kind, row->values[INVITED_BY].text};
    int64_t customer_id;
    enum err err;

    if (row->code != NULL || ref.value.at == NULL)
        return OK;
    err = customer_ref_normal(c, ref, &chunk->inviters[i]);
    if (err == OK && map_find(chunk->named, named_key(c, chunk->inviters[i])) != NULL)
        return OK;
    if (err == OK)
        err = customer_find(c, chunk->inviters[i], &customer_id);
    if (err != E_NOT_FOUND && err != E_INPUT)
        return err;
    c->fault = (struct fault){0};
    import_refuse(row, "row.inviter_unknown", S("the inviter is not known"));
    return OK;
}

static enum err inviters_set(struct ctx *c, struct chunk *chunk, struct customer_new *people,
                             int64_t *back, int64_t *count)
{
    for (int64_t i = 0; i < chunk->count; i++) {
        struct customer_new *person = &people[*count];
        enum err err;

        if (chunk->rows[i]->code != NULL || chunk->inviters[i].value.at == NULL)
            continue;
        customer_new_init(person);
        person->refs = chunk->people[i].refs;
        person->ref_count = chunk->people[i].ref_count;
        person->phone = chunk->people[i].phone;
        person->email = chunk->people[i].email;
        err = customer_find(c, chunk->inviters[i], &person->invited_by_customer_id);
        if (err == E_NOT_FOUND) /* its own row was refused */
            continue;
        TRY(err);
        back[(*count)++] = i;
    }
    return OK;
}

/* The second time round: everybody of the chunk is there now. */
static enum err chunk_inviters(struct ctx *c, struct chunk *chunk)
{
    size_t room = (size_t)chunk->count;
    struct customer_new *people = arena_new_array(c->arena, struct customer_new, room);
    struct fault *faults = arena_new_array(c->arena, struct fault, room);
    int64_t *ids = arena_new_array(c->arena, int64_t, room);
    int64_t *back = arena_new_array(c->arena, int64_t, room);
    bool *is_changed = arena_new_array(c->arena, bool, room);
    struct customer_import batch = {people, .ids = ids, .is_changed = is_changed, .faults = faults};
    int64_t count = 0;

    TRY(inviters_set(c, chunk, people, back, &count));
    if (count == 0)
        return OK;
    batch.count = count;
    TRY(chunk_batch(c, chunk, &batch));
    for (int64_t i = 0; i < count; i++) {
        if (faults[i].err == OK && is_changed[i])
            chunk->rows[back[i]]->is_changed = true;
    }
    return OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void row_fault(struct ctx *c, struct import_row *row, const struct fault *fault)
{
    bool is_conflict = fault->err == E_CONFLICT;

    import_refuse(row, is_conflict ? "row.identity_conflict" : "row.customer",
                  str_copy(c->arena, fault->message));
}

/* Rows that are still good, closed up, in one call. */
static enum err chunk_write(struct ctx *c, struct chunk *chunk)
{
    size_t room = (size_t)chunk->count;
    struct customer_new *people = arena_new_array(c->arena, struct customer_new, room);
    struct import_row **rows = arena_new_array(c->arena, struct import_row *, room);
    struct fault *faults = arena_new_array(c->arena, struct fault, room);
    int64_t *ids = arena_new_array(c->arena, int64_t, room);
    bool *is_changed = arena_new_array(c->arena, bool, room);
    struct customer_import batch = {people, .ids = ids, .is_changed = is_changed, .faults = faults};
    int64_t *places = arena_new_array(c->arena, int64_t, room);
    int64_t count = 0;

    for (int64_t i = 0; i < chunk->count; i++) {
        if (chunk->rows[i]->code != NULL)
            continue;
        places[count] = i;
        rows[count] = chunk->rows[i];
        people[count++] = chunk->people[i];
    }
    if (count == 0)
        return OK;
    batch.count = count;
    TRY(chunk_batch(c, chunk, &batch));
    for (int64_t i = 0; i < count; i++) {
        rows[i]->is_changed = is_changed[i];
        chunk->beside[places[i]].customer_id = ids[i];
        if (faults[i].err != OK)
            row_fault(c, rows[i], &faults[i]);
    }
    return OK;
}

static void chunk_beside(struct ctx *c, struct chunk *chunk)
{
    chunk->beside = arena_new_array(c->arena, struct beside_row, (size_t)chunk->count);
    for (int64_t i = 0; i < chunk->count; i++) {
        const struct import_value *values = chunk->rows[i]->values;

        chunk->beside[i] = (struct beside_row){
            .row = chunk->rows[i],
            .tags = values[TAGS].text,
            .owner = values[OWNER].text,
            .store = values[STORE].text,
            .birth_day = values[BIRTHDAY].number,
            .child_birth_day = values[CHILD_BIRTHDAY].number,
            .customer_id = NONE,
            .staff_id = NONE,
            .org_id = NONE,
        };
    }
}

static enum err chunk_run(struct ctx *c, struct chunk *chunk)
{
    size_t room = (size_t)chunk->count;

    chunk->people = arena_new_array(c->arena, struct customer_new, room);
    chunk->inviters = arena_new_array(c->arena, struct customer_ref, room);
    chunk->named = chunk->run->state != NULL ? chunk->run->state : map_new(c->arena, room);
    for (int64_t i = 0; i < chunk->count; i++)
        person_fill(c, chunk->run, chunk->rows[i], &chunk->people[i]);
    TRY(chunk_channels(c, chunk));
    chunk_beside(c, chunk);
    TRY(import_beside_find(c, chunk->run, chunk->beside, chunk->count));
    if (chunk->run->mapping->column_at[INVITED_BY] >= 0)
        chunk_names(c, chunk);
    for (int64_t i = 0; i < chunk->count; i++)
        TRY(inviter_check(c, chunk, i));
    TRY(chunk_write(c, chunk));
    TRY(import_beside_write(c, chunk->run, chunk->beside, chunk->count));
    return chunk_inviters(c, chunk);
}

static enum err customers_undo(struct ctx *c, struct import_undo *undo)
{
    bool is_mine;

    TRY(import_beside_undo(c, undo, &is_mine));
    if (is_mine)
        return OK;
    return customer_undo(c, undo->noun, undo->before, &undo->undone_count, &undo->kept_count);
}

static enum err customers_page(struct ctx *c, struct import *run, struct import_row *rows,
                               int64_t count)
{
    struct chunk chunk = {.run = run};

    chunk.rows = arena_new_array(c->arena, struct import_row *, CUSTOMER_BATCH_MAX);
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code == NULL)
            chunk.rows[chunk.count++] = &rows[i];
        if (chunk.count == 0 || (chunk.count < CUSTOMER_BATCH_MAX && i + 1 < count))
            continue;
        TRY(chunk_run(c, &chunk));
        chunk.count = 0;
    }
    return OK;
}

static enum err customers_begin(struct ctx *c, struct import *run)
{
    static const int identities[] = {PHONE, EMAIL, CUSTOMER, MEMBER_NO, UNIONID, EXTERNAL_USERID};

    /* A dry page leaves nobody in the base: whom it named is remembered instead. */
    if (run->is_dry && run->mapping->column_at[INVITED_BY] >= 0)
        run->state = map_new(run->arena, 1024);
    for (size_t i = 0; i < ARRAY_LEN(identities); i++) {
        if (run->mapping->column_at[identities[i]] >= 0)
            return OK;
    }
    for (int64_t i = 0; i < run->mapping->extra_count; i++) {
        if (is_identity(run->mapping->extras[i].name))
            return OK;
    }
    return fail(c, E_INPUT, "import.column_needed",
                "no column says who a row is about: phone, email, customer, member_no ...");
}

const struct import_kind import_customers = {
    .name = "customers",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .extra_prefix = "",
    .begin = customers_begin,
    .page = customers_page,
    .undo = customers_undo,
};
