/* parts.h — struct cutover: the sum of its parts.
 *
 * Each part is written by the file of its name and by no other; everybody may read. A file that
 * wants a part changed calls a verb of the part's header. The parts of the rooms above are opaque
 * here, and belong to whoever makes the whole (cutover.c). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_PARTS_H
#define TEAL_CUTOVER_FLIP_PARTS_H

#include "cutover/engine/calls.h"
#include "cutover/engine/machine.h"
#include "cutover/engine/report.h"
#include "cutover/flip/catchup.h"
#include "cutover/flip/command.h"
#include "cutover/flip/commit.h"
#include "cutover/flip/databases.h"
#include "cutover/flip/effort.h"
#include "cutover/flip/external.h"
#include "cutover/flip/fence.h"
#include "cutover/flip/flip.h"
#include "cutover/flip/ha.h"
#include "cutover/flip/hold.h"
#include "cutover/flip/journal.h"
#include "cutover/flip/look.h"
#include "cutover/flip/rights.h"
#include "cutover/flip/stream.h"
#include "cutover/types/config.h"
#include "cutover/types/ops.h"

struct cutover {
    struct cutover_config config; /* owned copy; cutover.c */
    struct cutover_ops ops;       /* cutover.c */

    /* the engine */
    struct calls calls;
    struct report report;
    struct machine machine;

    /* what outlives a flip */
    struct journal journal;
    struct command command;
    struct looks looks;
    struct databases databases;
    struct ha ha;
    struct rights rights;

    /* the flip under way, or the last one; flip_begin clears all of them */
    struct flip flip;
    struct hold hold;
    struct fence fence;
    struct catchup catchup;
    struct commit commit;
    struct stream stream; /* and the way back, which outlives it */
    struct effort effort;
    struct external external;

    /* the rooms above; owned, opaque here */
    struct preflight *preflight;
    struct prepare *prepare;
    struct recover *recover;
    struct tick *tick;
};

#endif
