/* fault.c — makes fsync and fdatasync fail with ENOSPC while a certain file exists. */
/* SPDX-License-Identifier: PostgreSQL */
/* Preloaded into the proxy by the tests that need a full disk: a real one would want root and a
 * file system of its own. The file's name is in TEAL_FAULT_FILE. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
disk_is_full(void)
{
    const char *const path = getenv("TEAL_FAULT_FILE");

    return path != NULL && access(path, F_OK) == 0;
}

int
fsync(int fd)
{
    if (disk_is_full()) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    if (disk_is_full()) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}
