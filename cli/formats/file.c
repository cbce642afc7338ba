/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/formats/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum tsp_status error_set(struct tsp_error *err, enum tsp_status code, unsigned line,
                          const char *format, ...)
{
    va_list ap;

    if (err != NULL) {
        err->code = code;
        err->line = line;
        va_start(ap, format);
        vsnprintf(err->text, sizeof(err->text), format, ap);
        va_end(ap);
    }
    return code;
}

static enum tsp_status read_stream(FILE *f, const char *path, size_t max, uint8_t **out,
                                   size_t *len, struct tsp_error *err)
{
    size_t room = 65536, n = 0, got;
    uint8_t *buf = malloc(room + 1), *bigger;

    while (buf != NULL && (got = fread(buf + n, 1, room - n, f)) > 0) {
        n += got;
        if (n > max) {
            free(buf);
            return error_set(err, TSP_EPARSE, 0, "%s: larger than %zu bytes", path, max);
        }
        if (n == room) {
            room *= 2;
            bigger = realloc(buf, room + 1);
            if (bigger == NULL) {
                free(buf);
            }
            buf = bigger;
        }
    }
    if (buf == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", path);
    if (ferror(f)) {
        free(buf);
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(errno));
    }
    buf[n] = 0;
    *out = buf;
    *len = n;
    return TSP_OK;
}

enum tsp_status file_read(const char *path, size_t max, uint8_t **out, size_t *len,
                          struct tsp_error *err)
{
    enum tsp_status st;
    struct stat sb;
    FILE *f;

    if (strcmp(path, "-") == 0)
        return read_stream(stdin, "standard input", max, out, len, err);
    f = fopen(path, "rb");
    if (f == NULL)
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(errno));
    if (fstat(fileno(f), &sb) == 0 && S_ISDIR(sb.st_mode))
        st = error_set(err, TSP_EPARSE, 0, "%s: is a directory", path);
    else
        st = read_stream(f, path, max, out, len, err);
    fclose(f);
    return st;
}

#define OPEN_MAX_FILES 8
static struct file_out *open_file[OPEN_MAX_FILES];

static void track(struct file_out *from, struct file_out *to)
{
    for (unsigned i = 0; i < OPEN_MAX_FILES; i++) {
        if (open_file[i] == from) {
            open_file[i] = to;
            return;
        }
    }
}

/* A device or a pipe is written as it is: nothing may take its name. */
static enum tsp_status open_in_place(struct file_out *o, struct tsp_error *err)
{
    o->f = fopen(o->path, "wb");
    if (o->f == NULL)
        return error_set(err, TSP_EIO, 0, "%s: %s", o->path, strerror(errno));
    return TSP_OK;
}

static mode_t new_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

/* The file that a link leads to is replaced, not the link. false: it leads to none yet. */
static bool follow(struct file_out *o)
{
    char *real = realpath(o->path, NULL);
    bool fits = real != NULL && strlen(real) < sizeof(o->path);

    if (fits)
        memcpy(o->path, real, strlen(real) + 1);
    free(real);
    return fits;
}

enum tsp_status file_begin(struct file_out *o, const char *path, struct tsp_error *err)
{
    struct stat sb;
    mode_t mode;
    int fd;

    memset(o, 0, sizeof(*o));
    if (strcmp(path, "-") == 0) {
        o->f = stdout;
        return TSP_OK;
    }
    if (strlen(path) >= sizeof(o->path))
        return error_set(err, TSP_EARG, 0, "%.60s...: path too long", path);
    memcpy(o->path, path, strlen(path) + 1);
    mode = stat(path, &sb) == 0 ? sb.st_mode : S_IFREG | new_mode();
    if (S_ISDIR(mode))
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(EISDIR));
    if (!S_ISREG(mode) || (lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode) && !follow(o)))
        return open_in_place(o, err);
    snprintf(o->tmp, sizeof(o->tmp), "%s.XXXXXX", o->path);
    fd = mkstemp(o->tmp);
    if (fd < 0)
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(errno));
    (void)fchmod(fd, mode & 0777);
    o->f = fdopen(fd, "wb");
    if (o->f == NULL) {
        close(fd);
        unlink(o->tmp);
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", path);
    }
    track(NULL, o);
    return TSP_OK;
}

enum tsp_status file_commit(struct file_out *o, struct tsp_error *err)
{
    bool bad;

    if (o->path[0] == 0) {
        fflush(stdout); /* in front of what is said on stderr; main looks whether it was written */
        return TSP_OK;
    }
    bad = fflush(o->f) != 0 || ferror(o->f) || (o->tmp[0] != 0 && fsync(fileno(o->f)) != 0);
    if (o->tmp[0] == 0) {
        int why = errno;

        if (fclose(o->f) != 0 || bad)
            return error_set(err, TSP_EIO, 0, "%s: %s", o->path, strerror(bad ? why : errno));
        return TSP_OK;
    }
    bad = (fclose(o->f) != 0) || bad;
    if (bad || rename(o->tmp, o->path) != 0) {
        int why = errno;

        unlink(o->tmp);
        track(o, NULL);
        return error_set(err, TSP_EIO, 0, "%s: %s; nothing was written", o->path, strerror(why));
    }
    track(o, NULL);
    return TSP_OK;
}

void file_abort(struct file_out *o)
{
    if (o->path[0] == 0)
        return;
    fclose(o->f);
    if (o->tmp[0] == 0)
        return;
    unlink(o->tmp);
    track(o, NULL);
}

void file_abort_all(void)
{
    for (unsigned i = 0; i < OPEN_MAX_FILES; i++)
        if (open_file[i] != NULL)
            unlink(open_file[i]->tmp);
}

enum tsp_status file_mkdirs(const char *path, struct tsp_error *err)
{
    char part[1024];
    struct stat sb;
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof(part))
        return error_set(err, TSP_EARG, 0, "%.60s: not a usable directory name", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return error_set(err, TSP_EIO, 0, "%s: %s", part, strerror(errno));
    }
    if (stat(path, &sb) != 0 || !S_ISDIR(sb.st_mode))
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(ENOTDIR));
    return TSP_OK;
}
