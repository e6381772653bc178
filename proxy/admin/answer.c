/* answer.c — how a command of the console is answered. See answer.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/answer.h"

#include "admin/text.h"
#include "base/clock.h"
#include "base/mem.h"

static const char *const step_columns[] = {"result", "step", "detail", "took"};

/* Before the dialog is told of the end, which may begin the next command. */
static void
audit_end(const struct console_client *client, const struct err *err)
{
    if (!client->describe) {
        audit_write(&client->audit, err);
    }
}

void
answer_table(struct console_client *client, const struct table *t)
{
    const bool describe = client->describe;
    CHECK(t != NULL && !client->dialog.columns_sent);
    dialog_columns(&client->dialog, t->columns, t->columns_count);
    if (describe) {
        return; /* its end let the dialog go on at once: the client may be at the next command */
    }
    const char *cells[TABLE_COLUMNS_MAX];
    char space[TABLE_COLUMNS_MAX][CELL_TEXT_SIZE];
    for (size_t row = 0; row < table_rows(t); row++) {
        for (size_t column = 0; column < t->columns_count; column++) {
            cells[column] = cell_print(table_cell(t, row, column), space[column]);
        }
        dialog_row(&client->dialog, cells, t->columns_count);
    }
    audit_end(client, NULL);
    dialog_complete(&client->dialog, NULL);
}

void
answer_begin_steps(struct console_client *client)
{
    if (!client->dialog.columns_sent) {
        dialog_columns(&client->dialog, step_columns, COUNT_OF(step_columns));
    }
}

void
answer_step(struct console_client *client, const char *result, const char *step, const char *detail,
            const char *took)
{
    const char *const cells[] = {result, step, detail, took};
    _Static_assert(COUNT_OF(cells) == COUNT_OF(step_columns), "a cell for each column");
    answer_begin_steps(client);
    dialog_row(&client->dialog, cells, COUNT_OF(cells));
}

void
answer_ok(struct console_client *client, const char *step, const struct buf *detail)
{
    const struct slice said = buf_slice(detail);
    char *text = xstrndup(said.len == 0 ? "" : (const char *)said.p, said.len);
    answer_step(client, "ok", step, text,
                text_duration(clock_now_us() - client->audit.started_us).s);
    mem_free(text);
}

void
answer_done(struct console_client *client)
{
    CHECK(client->command.row != NULL);
    audit_end(client, NULL);
    dialog_complete(&client->dialog, client->command.row->words);
}

void
answer_fail(struct console_client *client, const struct err *err)
{
    CHECK(err_is_set(err));
    audit_end(client, err);
    dialog_error(&client->dialog, err);
}
