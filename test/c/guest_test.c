/* Who came through whom: however that comes about and is taken back, the engine must know as many
 * guests of everybody as the base, and the live segment of those who have some its members. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/file.h"
#include "manage/audience/audience.h"
#include "manage/import/import.h"

#define ADD AS_OPERATOR, POST, "/api/customers"
#define INVITED(id, guest, host)                                                                   \
    "{'message_id':'" id "','kind':'invite_accepted','customer':{'kind':'phone','value':'" guest   \
    "'},'properties':{'inviter_kind':'phone','inviter_value':'" host "'}}"
#define ANA "13800000001"
#define BEA "13800000002"
#define EVE "13800000003"
#define FAY "13800000004"
#define GUS "13800000005"

static const struct scenario people[] = {
    {"ana", ADD, "{'name':'Ana','phone':'" ANA "'}", 200, "", "customer_added", .keep = "ana"},
    {"bea", ADD, "{'name':'Bea','phone':'" BEA "'}", 200, "", "customer_added", .keep = "bea"},
    {"eve", ADD, "{'name':'Eve','phone':'" EVE "'}", 200, "", "customer_added", .keep = "eve"},
    {"fay", ADD, "{'name':'Fay','phone':'" FAY "'}", 200, "", "customer_added", .keep = "fay"},
    {"gus", ADD, "{'name':'Gus','phone':'" GUS "'}", 200, "", "customer_added", .keep = "gus"},
};
static const struct scenario hosts[] = {
    {"those who have guests", AS_ADMIN, POST, "/api/segments",
     "{'name':'Hosts','definition':{'version':1,'ask':'segment','who':{'attribute':"
     "'invited_count','at_least':1}}}",
     200, "'id'", NULL, .keep = "hosts"},
};
static const struct scenario invitations[] = {
    {"eve came by ana, bea by fay, ana by gus", AS_KEY, POST, "/api/v1/events",
     "{'events':[" INVITED("a1", EVE, ANA) "," INVITED("a2", BEA, FAY) "," INVITED("a3", ANA,
                                                                                   GUS) "]}",
     200, "'accepted_count':3", NULL},
};
/* Ana takes the other's inviter: gus has no guest any more, and no event but one of his own says
 * so. */
static const struct scenario merges[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$ana/merge",
     "{'other_customer_id':'$bea','choices':[{'field':'invited_by_customer_id','choice':'take'}]}",
     200, "'customer_id':'$ana'", "customer_merged customer_merged customer_edited", .keep = "m1"},
};
static const struct scenario unmerges[] = {
    {"undo", AS_OPERATOR, POST, "/api/merges/$m1/undo", "{}", 200, "",
     "customer_unmerged customer_unmerged customer_edited"},
};
/* Two who have guests; and a guest with the one through whom his own inviter came. */
static const struct scenario hosts_merge[] = {
    {"hosts become one", AS_OPERATOR, POST, "/api/customers/$fay/merge",
     "{'other_customer_id':'$gus'}", 200, "'customer_id':'$fay'", "customer_merged customer_merged",
     .keep = "m2"},
    {"nobody comes by a guest", AS_OPERATOR, POST, "/api/customers/$eve/merge",
     "{'other_customer_id':'$fay'}", 200, "'customer_id':'$eve'",
     "customer_merged customer_merged customer_edited", .keep = "m3"},
};
static const struct scenario hosts_part[] = {
    {"two again", AS_OPERATOR, POST, "/api/merges/$m3/undo", "{}", 200, "",
     "customer_unmerged customer_unmerged"},
    {"and three", AS_OPERATOR, POST, "/api/merges/$m2/undo", "{}", 200, "",
     "customer_unmerged customer_unmerged"},
};
static const struct scenario deletions[] = {
    {"a guest's data go", AS_ADMIN, POST, "/api/customers/$eve/privacy/delete",
     "{'reason':'asked','confirm_number':3}", 200, "", NULL},
    {"a host's data go", AS_ADMIN, POST, "/api/customers/$gus/privacy/delete",
     "{'reason':'asked','confirm_number':5}", 200, "", NULL},
};

#define run(rows) scenario_run_once((rows), ARRAY_LEN(rows))

/* The engine agrees with the base, and so many people have so many guests together. */
static void assert_guests(int64_t host_count, int64_t guest_count)
{
    struct str differences;

    audience_await(scenario_app);
    differences = scenario_differences();
    if (differences.len > 0)
        fail_msg("the engine differs:\n%.*s", STR(differences));
    assert_int_equal(scenario_number("SELECT coalesce(sum(invited_count), 0) FROM customer WHERE "
                                     "deleted_ms IS NULL"),
                     guest_count);
    assert_int_equal(scenario_number("SELECT count(*) FROM segment_member"), host_count);
}

static void begin(void)
{
    run(people);
    audience_await(scenario_app);
    run(hosts);
}

static void people_change(void **state)
{
    (void)state;
    begin();
    assert_guests(0, 0);
    run(invitations);
    assert_guests(3, 3);
    run(merges);
    assert_guests(2, 2);
    run(unmerges);
    assert_guests(3, 3);
    run(hosts_merge);
    assert_guests(1, 2);
    run(hosts_part);
    assert_guests(3, 3);
    run(deletions);
    assert_guests(2, 2);
}

/* ---- imports -------------------------------------------------------------------------------- */

static struct str path_of(const char *name)
{
    return str_fmt(scenario_arena, "/tmp/papilio-guest-%d-%s", (int)getpid(), name);
}

static int64_t import_text(const char *text)
{
    struct import_job job = {.kind = S("customers"),
                             .path = path_of("file.csv"),
                             .rejects_path = path_of("rejects.csv"),
                             .mapping = S("{\"customer_kind\":\"phone\"}")};
    struct import_result result;
    struct fault fault = {0};

    assert_int_equal(file_write(job.path, str_of(text), 0600), OK);
    assert_int_equal(import_run(scenario_app, scenario_arena, &job, &result, &fault), OK);
    assert_int_equal(result.rejected_count, 0);
    unlink(str_cstr(scenario_arena, job.path));
    unlink(str_cstr(scenario_arena, job.rejects_path));
    return result.import_id;
}

struct undoing {
    int64_t import_id;
    bool is_done;
};

static enum err undo_step(struct ctx *c, void *user)
{
    struct undoing *undoing = user;
    struct job job = {.app = scenario_app};

    job.input = str_fmt(c->arena, "{\"import_id\":\"%" PRId64 "\"}", undoing->import_id);
    return import_undo_job.step(c, &job, &undoing->is_done);
}

static void import_undo(int64_t import_id)
{
    struct undoing undoing = {.import_id = import_id};

    scenario_sql(str_cstr(scenario_arena,
                          str_fmt(scenario_arena,
                                  "UPDATE import_run SET status = 'undoing' WHERE id = %" PRId64,
                                  import_id)));
    while (!undoing.is_done)
        scenario_write(undo_step, &undoing);
}

#define HEAD "name,phone,invited_by\n"

/* A new guest, whose import is taken back; one who was there; and host and guest of one import. */
static void imports(void **state)
{
    int64_t first_id, second_id;

    (void)state;
    begin();
    first_id = import_text(HEAD "Ida,13800000009," ANA "\n");
    assert_guests(1, 1);
    import_undo(first_id);
    assert_guests(0, 0);
    (void)import_text(HEAD "Bea," BEA "," ANA "\n");
    assert_guests(1, 1);
    first_id = import_text("name,phone\nJan,13800000010\n");
    second_id = import_text(HEAD "Kim,13800000011,13800000010\n");
    assert_guests(2, 2);
    import_undo(second_id);
    assert_guests(1, 1);
    import_undo(first_id); /* nothing but that import has touched the host */
    assert_guests(1, 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NULL"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(people_change, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(imports, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
