/* scripts.h — the scripts of a cutover. Their lines are in tables.c; a room that chooses between
 * two names them by these. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_SCRIPTS_H
#define TEAL_CUTOVER_TYPES_SCRIPTS_H

enum cutover_script {
    SCRIPT_NONE,
    /* of the start-up, the preflight and the set-up: each looks at the sides first */
    SCRIPT_RECOVER_LOOK,
    SCRIPT_CHECK_LOOK,
    SCRIPT_CHECK, /* once for each check */
    SCRIPT_PREPARE_LOOK,
    SCRIPT_PREPARE,
    SCRIPT_FINISH_LOOK,
    SCRIPT_FINISH,
    /* of the states of a flip */
    SCRIPT_GATE,
    SCRIPT_HOLD,
    SCRIPT_DRAIN,
    SCRIPT_FENCE,
    SCRIPT_CATCHUP,
    SCRIPT_SEQUENCES,
    SCRIPT_WAY_BACK,
    SCRIPT_COMMIT,
    SCRIPT_RESOLVE,
    SCRIPT_PROMOTE,
    SCRIPT_PROMOTE_ASK,
    SCRIPT_OPEN,
    SCRIPT_RELEASE,
    SCRIPT_AFTER,
    SCRIPT_UNDO,
    SCRIPT_UNDO_RELEASE,
    SCRIPT_UNDO_AFTER,
    SCRIPT_RESUME_HA,
    SCRIPTS_COUNT,
};

#endif
