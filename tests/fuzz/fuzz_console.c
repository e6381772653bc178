/* fuzz_console.c — any bytes on the admin socket: the protocol machine and the grammar.
 *
 *     clang -g -O1 -std=c11 -D_GNU_SOURCE -DTEAL_VERSION='"fuzz"' -Iproxy \
 *         -fsanitize=fuzzer,address,undefined tests/fuzz/fuzz_console.c \
 *         proxy/admin/{dialog,dialog_names,grammar,arguments,token,duration}.c proxy/wire/[a-z]*.c
 * proxy/base/[a-z]*.c
 *
 * The first byte chooses how the rest is cut into pieces, and whether the start-up packet is given
 * first. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>

#include "admin/dialog.h"
#include "admin/grammar.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct console {
    struct dialog dialog;
    bool is_waiting; /* a statement is answered after the next piece */
};

static bool
begin(void *ctx, const char *user, const char *database, struct err *err)
{
    (void)ctx;
    return (user[0] != 'x' && database[0] != 'x') ||
           err_set(err, SQLSTATE_INVALID_AUTHORIZATION, "not you");
}

static void
answer(struct dialog *d, bool describe)
{
    static const char *const columns[] = {"a"};
    dialog_columns(d, columns, 1);
    if (!describe) {
        dialog_row(d, columns, 1);
        dialog_complete(d, NULL);
    }
}

static void
execute(void *ctx, struct slice text, bool describe)
{
    struct console *console = ctx;
    struct command s;
    struct err err;
    if (!command_parse(text, &s, &err)) {
        dialog_error(&console->dialog, &err);
        return;
    }
    CHECK(!err_is_set(&err));
    if (s.row == NULL) {
        dialog_complete_empty(&console->dialog);
    } else if (s.row->reply == REPLY_NONE) {
        dialog_complete(&console->dialog, "SET");
    } else if (s.row->reply == REPLY_WORKERS && !describe) {
        console->is_waiting = true;
    } else {
        answer(&console->dialog, describe);
    }
}

static void
cancel(void *ctx, uint32_t pid, struct slice key)
{
    (void)ctx;
    (void)pid;
    (void)key;
}

static void
go_on(struct console *console)
{
    if (console->is_waiting && console->dialog.state == DIALOG_BUSY) {
        console->is_waiting = false;
        answer(&console->dialog, false);
    }
    buf_clear(&console->dialog.out);
    dialog_sent(&console->dialog);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    static const char *const pairs[] = {"user", "op", "database", "teal"};
    struct console console = {.is_waiting = false};
    const struct dialog_ops ops = {&console, begin, execute, cancel};
    if (size == 0) {
        return 0;
    }
    const size_t piece = (data[0] & 0x7F) == 0 ? size : data[0] & 0x7F;
    dialog_init(&console.dialog, &ops, 1, key);
    if ((data[0] & 0x80) != 0) {
        struct buf start;
        buf_init(&start);
        message_put_startup(&start, pairs, 2);
        dialog_feed(&console.dialog, buf_slice(&start));
        buf_fini(&start);
    }
    for (size_t at = 1; at < size; at += piece) {
        dialog_feed(&console.dialog, slice_of(data + at, at + piece < size ? piece : size - at));
        go_on(&console);
    }
    dialog_fini(&console.dialog);
    return 0;
}
