/* test_phases.c — the steps of a session from phase to phase. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/state/phases.h"

static void
every_open_phase_may_end(void **state)
{
    enum session_phase to;
    (void)state;
    for (int from = 0; from < SESSION_ENDING; from++) {
        assert_true(session_step((enum session_phase)from, SESSION_EV_ENDS, &to));
        assert_int_equal(to, SESSION_ENDING);
    }
    assert_false(session_step(SESSION_ENDING, SESSION_EV_ENDS, &to));
    assert_false(session_step(SESSION_CLOSED, SESSION_EV_ENDS, &to));
}

static void
only_a_released_session_is_closed(void **state)
{
    (void)state;
    for (int from = 0; from < SESSION_PHASES_COUNT; from++) {
        for (int event = 0; event < SESSION_EVENTS_COUNT; event++) {
            enum session_phase to = SESSION_STARTUP;
            const bool leads =
                session_step((enum session_phase)from, (enum session_event)event, &to);
            const bool is_release = from == SESSION_ENDING && event == SESSION_EV_RELEASED;
            assert_int_equal(leads && to == SESSION_CLOSED, is_release);
        }
    }
}

static void
a_login_skips_no_phase(void **state)
{
    static const enum session_event events[] = {SESSION_EV_NAMED, SESSION_EV_PROVED,
                                                SESSION_EV_WELCOMED};
    enum session_phase phase = SESSION_STARTUP;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        assert_int_equal(phase, SESSION_STARTUP + i);
        assert_true(session_step(phase, events[i], &phase));
        enum session_phase to;
        assert_false(session_step(phase, events[i], &to));
    }
    assert_int_equal(phase, SESSION_READY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_open_phase_may_end),
        cmocka_unit_test(only_a_released_session_is_closed),
        cmocka_unit_test(a_login_skips_no_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
