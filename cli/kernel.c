/* SPDX-License-Identifier: MIT */
/* Which kernel a target is, and what is kept by kernel: lists of accepted deviations, profiles. */
#include "cli/cli.h"
#include "cli/formats/shipped.h"
#include "emu/emu.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define OLDEST 6001u

/* "6.12.95+deb12-cloud-amd64" as 6012, 0 when it is no such thing. */
static unsigned number(const char *release)
{
    unsigned major, minor;

    return sscanf(release, "%3u.%3u", &major, &minor) == 2 ? major * 1000 + minor : 0;
}

/* A recording that was made with `trapspec record` begins with a line about its machine. */
static unsigned recorded(const char *path)
{
    static const char key[] = "\"kernel\":\"";
    FILE *f = fopen(path, "r");
    char head[4096];
    const char *at;
    size_t n;

    if (f == NULL)
        return 0;
    n = fread(head, 1, sizeof(head) - 1, f);
    fclose(f);
    head[n] = 0;
    head[strcspn(head, "\n")] = 0;
    at = strstr(head, key);
    return at != NULL ? number(at + sizeof(key) - 1) : 0;
}

static unsigned kernel_of(const char *target)
{
    struct utsname here;

    if (strncmp(target, "golden:", 7) == 0)
        return recorded(target + 7);
    if (strncmp(target, "kvm", 3) == 0 && uname(&here) == 0)
        return number(here.release);
    return 0;
}

/* name: PREFIX and a version; better than what there is when newer, but not than the kernel. */
static void offer(const char *name, const char *prefix, unsigned kernel, unsigned *most,
                  const char **best)
{
    size_t n = strlen(prefix);
    unsigned its = strncmp(name, prefix, n) == 0 ? number(name + n) : 0;

    if (its >= *most && (its <= kernel || its == OLDEST)) {
        *most = its;
        *best = name;
    }
}

const char *cli_kernel_list(const char *target)
{
    unsigned kernel = kernel_of(target), most = OLDEST;
    const char *best = "golden-kvm-6.1";

    for (const struct shipped_list *l = shipped_lists; l->name != NULL; l++)
        offer(l->name, "golden-kvm-", kernel, &most, &best);
    return best;
}

const char *cli_kernel_profile(const char *target)
{
    unsigned kernel = kernel_of(target), most = OLDEST;
    const char *best = "kvm@linux-6.1", *name;

    for (unsigned i = 0; vm_profile_at(i, &name, NULL); i++)
        offer(name, "kvm@linux-", kernel, &most, &best);
    return best;
}
