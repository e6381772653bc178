/* notify.h — tells systemd how the service is: sd_notify(3)'s protocol, a datagram of lines to the
 * socket that NOTIFY_SOCKET names. Without that variable nothing happens. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_NOTIFY_H
#define TEAL_CONTROL_NOTIFY_H

void notify_ready(void);
/* The begin of a reload; notify_ready is its end. */
void notify_reloading(void);
void notify_stopping(void);

#endif
