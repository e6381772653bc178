/* test_side.c — which server stands for a side. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

/* What a server says: a row of three is what a side of a, b and c says at one time. */
enum says { SILENT, PRIMARY, STANDBY };

struct server {
    enum says says;
    uint32_t timeline;
    uint64_t epoch;   /* of its row; 0: it has none */
    uint64_t cluster; /* 0: the usual one */
    bool cascades;
};

enum { SERVERS = 3, STEPS_MAX = 5, USUAL_CLUSTER = 7, NOW = 1000000 };

#define DOWN           \
    {                  \
        .says = SILENT \
    }
#define P(tl, e)                                        \
    {                                                   \
        .says = PRIMARY, .timeline = (tl), .epoch = (e) \
    }
#define S(tl)                             \
    {                                     \
        .says = STANDBY, .timeline = (tl) \
    }
#define CASCADE(tl)                                         \
    {                                                       \
        .says = STANDBY, .timeline = (tl), .cascades = true \
    }
#define OTHER_P                                                  \
    {                                                            \
        .says = PRIMARY, .timeline = 9, .epoch = 9, .cluster = 8 \
    }
#define OTHER_S                                      \
    {                                                \
        .says = STANDBY, .timeline = 1, .cluster = 8 \
    }

/* What follows from it: the lead, and for each server a letter: w writer, s standby in order,
 * - not heard of or silent, f foreign, x stray. */
struct step {
    struct server servers[SERVERS];
    uint32_t lead;
    const char *marks;
};

struct story {
    const char *name;
    uint32_t servers;
    struct step steps[STEPS_MAX];
};

static const struct story stories[] = {
    {"the primary leads, wherever it stands", 3, {{{S(1), P(1, 1), S(1)}, 1, "sws"}}},
    {"a lost primary stays the lead until another one is promoted",
     3,
     {{{P(1, 1), S(1), S(1)}, 0, "wss"},
      {{DOWN, S(1), S(1)}, 0, "-ss"},
      {{DOWN, S(1), P(2, 1)}, 2, "-sw"}}},
    {"the one that was promoted later leads beside the old primary",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"}, {{P(1, 1), P(2, 1)}, 1, "xw"}}},
    {"the old primary that comes back is a stray",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"},
      {{DOWN, P(2, 1)}, 1, "-w"},
      {{P(1, 1), P(2, 1)}, 1, "xw"},
      {{S(2), P(2, 1)}, 1, "sw"}}},
    {"the old primary is a stray also when it is alone",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"}, {{DOWN, P(2, 1)}, 1, "-w"}, {{P(1, 1), DOWN}, 1, "x-"}}},
    {"the lead comes back as it was",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"}, {{DOWN, S(1)}, 0, "-s"}, {{P(1, 1), S(1)}, 0, "ws"}}},
    {"on one timeline the lead stays",
     2,
     {{{S(1), P(1, 1)}, 1, "sw"}, {{P(1, 9), P(1, 1)}, 1, "xw"}}},
    {"two that are promoted on one timeline: the first that is seen",
     3,
     {{{P(1, 1), S(1), S(1)}, 0, "wss"},
      {{DOWN, S(1), P(2, 1)}, 2, "-sw"},
      {{DOWN, P(2, 1), P(2, 1)}, 2, "-xw"}}},
    {"at the beginning the row with the higher epoch tells", 2, {{{P(1, 3), P(1, 4)}, 1, "xw"}}},
    {"two that cannot be told apart are both not used",
     3,
     {{{P(1, 3), P(1, 3), S(1)}, 2, "xxs"}, {{DOWN, P(1, 3), S(1)}, 1, "-ws"}}},
    {"an older copy of the lead on the same timeline is a stray",
     2,
     {{{S(1), P(1, 5)}, 1, "sw"}, {{P(1, 4), DOWN}, 1, "x-"}}},
    {"the lead itself may begin its epochs anew",
     2,
     {{{P(1, 5), S(1)}, 0, "ws"}, {{P(1, 1), S(1)}, 0, "ws"}}},
    {"when all are standbys the past is forgotten",
     2,
     {{{P(5, 5), S(5)}, 0, "ws"}, {{S(3), S(3)}, 0, "ss"}, {{DOWN, P(4, 1)}, 1, "-w"}}},
    {"of standbys the one that is not fed by its own side leads, and stays",
     3,
     {{{CASCADE(1), S(1), S(1)}, 1, "sss"},
      {{CASCADE(1), DOWN, S(1)}, 2, "s-s"},
      {{CASCADE(1), S(1), S(1)}, 2, "sss"}}},
    {"a switchover moves the lead when the other one is promoted",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"}, {{S(1), S(1)}, 0, "ss"}, {{S(2), P(2, 1)}, 1, "sw"}}},
    {"a server of another cluster is never used",
     3,
     {{{P(1, 1), S(1), OTHER_P}, 0, "wsf"},
      {{DOWN, S(1), OTHER_P}, 0, "-sf"},
      {{DOWN, DOWN, OTHER_P}, 0, "--f"},
      {{DOWN, P(2, 1), OTHER_P}, 1, "-wf"}}},
    {"most servers say which cluster it is", 3, {{{OTHER_P, P(1, 1), S(1)}, 1, "fws"}}},
    {"in a draw it is the one with the row", 2, {{{OTHER_S, P(1, 1)}, 1, "fw"}}},
    {"in a draw that nothing breaks none is used, also when one of them goes",
     2,
     {{{OTHER_S, P(1, 0)}, 0, "ff"},
      {{OTHER_S, DOWN}, 0, "f-"},
      {{DOWN, P(1, 0)}, 0, "-f"},
      {{S(1), P(1, 0)}, 1, "sw"}}},
    {"another cluster is taken when every server is of it",
     2,
     {{{P(1, 1), S(1)}, 0, "ws"}, {{OTHER_P, OTHER_S}, 0, "ws"}}},
    {"one server is the side, whatever it says",
     1,
     {{{P(5, 5)}, 0, "w"}, {{P(1, 1)}, 0, "w"}, {{OTHER_P}, 0, "w"}, {{S(1)}, 0, "s"}}},
};

static void
hear(struct node_facts *node, const struct server *server)
{
    node->since_us = node->since_us == 0 ? NOW : node->since_us;
    node->answers = server->says != SILENT;
    if (!node->answers) {
        (void)err_set(&node->error, SQLSTATE_CONNECTION_FAILURE, "it is silent");
        return;
    }
    node->in_recovery = server->says == STANDBY;
    node->timeline = server->timeline;
    node->local_state.present = server->epoch != 0;
    node->local_state.epoch = server->epoch;
    node->system_identifier = server->cluster == 0 ? (uint64_t)USUAL_CLUSTER : server->cluster;
    node->receives = node->in_recovery;
    node->cascades = server->cascades;
}

static char
mark_of(const struct node_facts *node)
{
    if (!node->answers) {
        assert_false(node->up);
        return '-';
    }
    assert_int_equal(node->up, !err_is_set(&node->error));
    assert_int_equal(node->up, node->standing == NODE_IN_ORDER);
    if (node->up) {
        return node->in_recovery ? 's' : 'w';
    }
    assert_non_null(strstr(node->error.text, "blue"));
    assert_non_null(strstr(node->error.text, "it is not used"));
    return node->standing == NODE_FOREIGN ? 'f' : 'x';
}

static void
every_story_ends_as_it_must(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        const struct story *story = &stories[i];
        struct side_memory memory = {0};
        struct side_facts side = {.nodes_count = story->servers};
        for (size_t k = 0; k < STEPS_MAX && story->steps[k].marks != NULL; k++) {
            const struct step *step = &story->steps[k];
            char marks[SERVERS + 1] = "";
            for (uint32_t n = 0; n < story->servers; n++) {
                hear(&side.node[n], &step->servers[n]);
            }
            for (int again = 0; again < 2; again++) { /* it is judged after every answer */
                side_judge(&memory, &side, "blue", NOW);
                for (uint32_t n = 0; n < story->servers; n++) {
                    marks[n] = mark_of(&side.node[n]);
                }
                if (strcmp(marks, step->marks) != 0 || side.lead != step->lead) {
                    fail_msg("%s, step %zu: %s and %u, not %s and %u", story->name, k, marks,
                             side.lead, step->marks, step->lead);
                }
            }
        }
    }
}

static struct side_facts
a_side(struct server a, struct server b)
{
    struct side_facts side = {.nodes_count = 2};
    hear(&side.node[0], &a);
    hear(&side.node[1], &b);
    return side;
}

static void
nobody_is_used_before_all_were_heard_of_or_waited_for(void **state)
{
    (void)state;
    struct side_memory memory = {0};
    struct side_facts side = {.nodes_count = 2};
    hear(&side.node[1], &(struct server)P(1, 1));
    side_judge(&memory, &side, "blue", NOW);
    assert_false(side.settled || side.node[1].up);
    side_judge(&memory, &side, "blue", NOW + SIDE_SETTLE_US);
    assert_true(side.settled && side.node[1].up);
    assert_int_equal(side.lead, 1);
}

static void
a_hint_tells_only_what_nothing_else_does(void **state)
{
    (void)state;
    struct side_memory memory = {.hint = 2};
    struct side_facts side = a_side((struct server)P(1, 3), (struct server)P(1, 3));
    side_judge(&memory, &side, "blue", NOW);
    assert_int_equal(side.lead, 1);
    assert_true(side.node[1].up && !side.node[0].up);
    memory.hint = 1; /* it has a lead now, and is not to be talked out of it */
    side_judge(&memory, &side, "blue", NOW);
    assert_int_equal(side.lead, 1);
    memory = (struct side_memory){.hint = 1};
    side = a_side((struct server)P(1, 3), (struct server)P(2, 3));
    side_judge(&memory, &side, "blue", NOW);
    assert_int_equal(side.lead, 1);
}

static void
a_loss_is_urgent_for_a_while(void **state)
{
    (void)state;
    struct side_memory memory = {0};
    struct side_facts side = a_side((struct server)P(1, 1), (struct server)S(1));
    side_judge(&memory, &side, "blue", NOW);
    assert_false(side_is_urgent(&memory, &side, NOW));
    hear(&side.node[0], &(struct server)DOWN);
    side_judge(&memory, &side, "blue", NOW + 1);
    side_judge(&memory, &side, "blue", NOW + 2);
    assert_true(side_is_urgent(&memory, &side, NOW + 2));
    assert_false(side_is_urgent(&memory, &side, NOW + 1 + SIDE_URGENT_US));
    hear(&side.node[1], &(struct server)P(2, 1));
    side_judge(&memory, &side, "blue", NOW + 3);
    assert_false(side_is_urgent(&memory, &side, NOW + 3));
}

static void
a_demotion_is_urgent_too(void **state)
{
    (void)state;
    struct side_memory memory = {0};
    struct side_facts side = a_side((struct server)P(1, 1), (struct server)S(1));
    side_judge(&memory, &side, "blue", NOW);
    hear(&side.node[0], &(struct server)S(1));
    side_judge(&memory, &side, "blue", NOW + 1);
    assert_true(side_is_urgent(&memory, &side, NOW + 1));
}

static void
standbys_alone_are_not_urgent(void **state)
{
    (void)state;
    struct side_memory memory = {0};
    struct side_facts side = a_side((struct server)S(1), (struct server)S(1));
    side_judge(&memory, &side, "green", NOW);
    hear(&side.node[0], &(struct server)DOWN);
    side_judge(&memory, &side, "green", NOW + 1);
    assert_false(side_is_urgent(&memory, &side, NOW + 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_ends_as_it_must),
        cmocka_unit_test(nobody_is_used_before_all_were_heard_of_or_waited_for),
        cmocka_unit_test(a_hint_tells_only_what_nothing_else_does),
        cmocka_unit_test(a_loss_is_urgent_for_a_while),
        cmocka_unit_test(a_demotion_is_urgent_too),
        cmocka_unit_test(standbys_alone_are_not_urgent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
