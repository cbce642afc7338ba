/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "decoder/decoder.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec decode [OPTION...] BYTES...\n"
    "       trapspec decode [OPTION...] --file FILE\n\n"
    "Decodes hexadecimal BYTES (or a file of raw code): offset, bytes, length, class, text. The "
    "class\n"
    "says what the emulator takes it for: a trap, a plain instruction, or why it is none\n"
    "(illegal, too long, truncated, unsupported).\n\n"
    "  --mode M    long64 (default), compat32, compat16, prot32, prot16, real16, vm86, a64,\n"
    "              a32, t32\n"
    "  --file FILE raw code\n"
    "  --json      JSON lines\n\n"
    "example: trapspec decode f30f01d9 660f01c1 f00fa2\n"
    "exit codes: 0 all decoded, 1 something is no instruction, 2 usage, 3 bad input\n";

enum { OPT_MODE = 256, OPT_FILE, OPT_JSON };
static const struct option options[] = {{"mode", required_argument, NULL, OPT_MODE},
                                        {"file", required_argument, NULL, OPT_FILE},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

static const char *const status_name[] = {"ok", "truncated", "too long", "illegal", "unsupported"};

static void print_one(const struct insn *in, const uint8_t *p, size_t at, const char *text,
                      bool json)
{
    char bytes[40] = "";
    const char *class = in->status == INSN_OK ? (in->op <= OP_TRAP_LAST ? "trap" : "plain")
                                              : status_name[in->status];

    for (size_t i = 0; i < in->len && i < 16; i++)
        snprintf(bytes + 2 * i, sizeof(bytes) - 2 * i, "%02x", p[at + i]);
    if (json) {
        json_t *o = json_pack("{s:I, s:s, s:i, s:s, s:s, s:s}", "offset", (json_int_t)at, "bytes",
                              bytes, "length", (int)in->len, "class", class, "op",
                              insn_op_name(in->op), "text", text);
        char *line = json_dumps(o, JSON_COMPACT);

        printf("%s\n", line == NULL ? "{}" : line);
        free(line);
        json_decref(o);
        return;
    }
    printf("%04zx  %-30s %2u  %-11s %s\n", at, bytes, in->len, class, text);
}

/* Returns how many positions held no instruction. */
static unsigned decode_all(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                           bool json)
{
    unsigned bad = 0;
    size_t at = 0;

    while (at < n) {
        struct insn in;
        char text[80];

        decode_one(d, mode, p + at, n - at, &in);
        decode_text(d, mode, at, p + at, n - at, text, sizeof(text));
        if (in.len == 0 || in.len > n - at)
            in.len = (uint8_t)(n - at < 15 ? n - at : 1);
        print_one(&in, p, at, text, json);
        bad += in.status != INSN_OK && in.status != INSN_UNSUPPORTED;
        at += in.len;
    }
    return bad;
}

static int decode_file(struct decoder *d, enum tsp_mode mode, const char *file, bool json)
{
    struct tsp_error err;
    uint8_t *bytes;
    unsigned bad;
    size_t n;

    if (file_read(file, 16u << 20, &bytes, &n, &err) != TSP_OK)
        return cli_fail("decode", &err);
    if (n == 0)
        fprintf(stderr, "trapspec decode: %s: no bytes in it\n", file);
    bad = decode_all(d, mode, bytes, n, json);
    free(bytes);
    return n == 0 ? EXIT_BAD_INPUT : bad > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int decode_words(struct decoder *d, enum tsp_mode mode, int argc, char **argv, bool json)
{
    unsigned bad = 0;

    for (int i = 0; i < argc; i++) {
        uint8_t bytes[4096];
        int n = cli_hex(argv[i], bytes, sizeof(bytes));

        if (n <= 0) {
            fprintf(stderr,
                    "trapspec decode: \"%.40s\": an even number of hexadecimal digits, at most "
                    "4096 bytes\n",
                    argv[i]);
            return EXIT_BAD_INPUT;
        }
        bad += decode_all(d, mode, bytes, (size_t)n, json);
    }
    return bad > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int run(int argc, char **argv)
{
    const char *file = NULL;
    int mode = TSP_MODE_LONG64, opt, code = 0;
    struct decoder *d;
    bool json = false;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_MODE)
            code = cli_pick("decode", "mode", optarg, cli_modes, &mode);
        else if (opt == OPT_FILE)
            file = optarg;
        else if (opt == OPT_JSON)
            json = true;
        else
            return cli_bad_option("decode", options, argv, optind - 1);
        if (code != 0)
            return code;
    }
    if ((file == NULL) == (optind == argc))
        return cli_usage("decode", "either BYTES or --file FILE is needed");
    d = decoder_open();
    if (d == NULL) {
        fprintf(stderr, "trapspec decode: Capstone cannot be opened\n");
        return EXIT_NOTHING;
    }
    code = file != NULL ? decode_file(d, (enum tsp_mode)mode, file, json)
                        : decode_words(d, (enum tsp_mode)mode, argc - optind, argv + optind, json);
    decoder_close(d);
    return code;
}

const struct verb verb_decode = {"decode", run, "decode bytes as the emulator sees them", help};
