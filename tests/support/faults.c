/* Faults under SQLite: preloaded into a process, it fails writes to databases as a broken disk would.
 *
 * The file named by FAULT_FILE decides at each call: "full" fails writes with ENOSPC, "write" with EIO, and "sync" fails
 * syncs with EIO. Only files whose name has ".sqlite" in it are hurt.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_database(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, ".sqlite") != NULL;
}

static int wanted(int fd, const char *fault) {
    char text[16] = "";
    const char *file = getenv("FAULT_FILE");
    if (file == NULL || !is_database(fd))
        return 0;
    int control = open(file, O_RDONLY | O_CLOEXEC);
    if (control < 0)
        return 0;
    ssize_t length = read(control, text, sizeof text - 1);
    close(control);
    return length > 0 && strcmp(text, fault) == 0;
}

static int write_fails(int fd) {
    if (wanted(fd, "full"))
        errno = ENOSPC;
    else if (wanted(fd, "write"))
        errno = EIO;
    else
        return 0;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return write_fails(fd) ? -1 : REAL(pwrite64)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return write_fails(fd) ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size) {
    return write_fails(fd) ? -1 : REAL(write)(fd, data, size);
}

int fsync(int fd) {
    if (!wanted(fd, "sync"))
        return REAL(fsync)(fd);
    errno = EIO;
    return -1;
}

int fdatasync(int fd) {
    if (!wanted(fd, "sync"))
        return REAL(fdatasync)(fd);
    errno = EIO;
    return -1;
}
