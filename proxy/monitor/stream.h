/* stream.h — how a follower gets the writer's changes, and so what is compared. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_STREAM_H
#define TEAL_MONITOR_STREAM_H

enum stream_kind {
    STREAM_NONE,     /* it does not follow this writer, as far as is known: the lag is unknown */
    STREAM_PHYSICAL, /* a standby of the same cluster and timeline: LSN against LSN */
    STREAM_LOGICAL,  /* heartbeat against heartbeat, also of a standby of a logical follower */
};

#endif
