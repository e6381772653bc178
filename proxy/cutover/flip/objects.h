/* objects.h — the names of the objects that Teal makes in the databases.
 *
 * PREPARE makes them, a flip uses them, FINISH drops them. They are fixed: whoever looks into a
 * database finds them by name, and a Teal that starts anew knows its own. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_OBJECTS_H
#define TEAL_CUTOVER_OBJECTS_H

#define TEAL_PUBLICATION "teal"
/* Subscription on this side and slot on the other, by the side that receives. */
#define TEAL_STREAM_PREFIX "teal_to_"

#endif
