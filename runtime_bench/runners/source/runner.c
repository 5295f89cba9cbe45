#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The instruction counter (emulation/instruction_counter.c) watches for getpid with these
 * arguments; anywhere else the call is a plain getpid, which ignores them. */
enum { MARK_MAGIC = 0x4D41524B, MARK_BEGIN = 1, MARK_END = 2 };
enum { UNCOUNTED = -1 }; /* the run index of the first run and of those for the outputs */

typedef struct {
    const RunnerOptions *options;
    const RunnerModel *model;
    float *images;
    size_t count;
    float *out;
    size_t elements; /* of all outputs of an image */
    long runs;
} Server;

int64_t runner_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

size_t runner_elements(const RunnerOutput *output)
{
    size_t elements = 1;
    for (size_t i = 0; i < output->rank; i++) elements *= (size_t)output->shape[i];
    return elements;
}

RunnerOptions runner_parse(int argc, char **argv)
{
    RunnerOptions o = {.threads = 1};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (!strcmp(name, "--mark")) {
            o.mark = true;
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        if (!value) {
            fprintf(stderr, "%s: unknown option or no value\n", name);
            exit(2);
        }
        if (!strcmp(name, "--model")) o.model = value;
        else if (!strcmp(name, "--input")) o.input = value;
        else if (!strcmp(name, "--output")) o.output = value;
        else if (!strcmp(name, "--threads")) o.threads = atoi(value);
        else {
            fprintf(stderr, "%s: unknown option\n", name);
            exit(2);
        }
    }
    if (!o.model || !o.input || o.threads < 1) {
        fprintf(stderr, "--model, --input and --threads of at least 1 are needed\n");
        exit(2);
    }
    return o;
}

/* Read the images of the input file; false after a message. */
static bool read_images(Server *s)
{
    const char *path = s->options->input;
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    size_t image = s->model->inputs * sizeof(float);
    bool good = bytes > 0 && (size_t)bytes % image == 0;
    if (!good)
        fprintf(stderr, "%s: holds %ld bytes, not a multiple of the model's input of %zu\n", path,
                bytes, image);
    if (good) {
        s->images = (float *)malloc((size_t)bytes);
        good = s->images && fread(s->images, 1, (size_t)bytes, file) == (size_t)bytes;
        if (!good) fprintf(stderr, "%s: cannot be read\n", path);
    }
    s->count = (size_t)bytes / image;
    fclose(file);
    return good;
}

static void mark(const Server *s, long operation, long run)
{
    if (s->options->mark) syscall(SYS_getpid, MARK_MAGIC, operation, run);
}

/* Nanoseconds of one run, or -1 after a message. */
static int64_t timed(const Server *s, size_t image, long run)
{
    const float *input = s->images + image * s->model->inputs;
    int64_t begin = runner_now_ns();
    mark(s, MARK_BEGIN, run);
    bool good = s->model->run(s->model->state, input, s->out);
    mark(s, MARK_END, run);
    int64_t end = runner_now_ns();
    return good ? end - begin : -1;
}

/* The clock of the core we are on, in kHz; 0 where the kernel does not tell. */
static long core_khz(void)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
             sched_getcpu());
    FILE *file = fopen(path, "r");
    long khz = 0;
    if (file) {
        if (fscanf(file, "%ld", &khz) != 1) khz = 0;
        fclose(file);
    }
    return khz;
}

static bool run_block(Server *s, long runs)
{
    int64_t *samples = (int64_t *)malloc((size_t)runs * sizeof *samples);
    bool good = samples != NULL;
    for (long i = 0; good && i < runs; i++, s->runs++) {
        samples[i] = timed(s, (size_t)s->runs % s->count, s->runs);
        good = samples[i] >= 0;
    }
    if (good) {
        long khz = core_khz();
        printf("{\"event\":\"samples\",\"ns\":[");
        for (long i = 0; i < runs; i++) printf("%s%lld", i ? "," : "", (long long)samples[i]);
        if (khz) printf("],\"khz\":%ld}\n", khz);
        else printf("],\"khz\":null}\n");
    }
    free(samples);
    return good;
}

static bool write_outputs(Server *s)
{
    const char *path = s->options->output;
    FILE *file = path ? fopen(path, "wb") : NULL;
    bool good = file != NULL, written = good;
    for (size_t i = 0; good && written && i < s->count; i++) {
        good = timed(s, i, UNCOUNTED) >= 0;
        written = fwrite(s->out, sizeof(float), s->elements, file) == s->elements;
    }
    if (file && fclose(file)) written = false;
    if (!written) fprintf(stderr, "%s: %s\n", path ? path : "--output", strerror(errno));
    if (good && written) printf("{\"event\":\"outputs\",\"images\":%zu}\n", s->count);
    return good && written;
}

static bool tell_memory(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1) break;
    if (file) fclose(file);
    printf("{\"event\":\"memory\",\"peak_rss_kib\":%ld}\n", kib);
    return true;
}

static bool obey(Server *s, const char *line)
{
    long runs;
    char rest;
    if (sscanf(line, "run %ld %c", &runs, &rest) == 1 && runs > 0) return run_block(s, runs);
    if (!strcmp(line, "outputs\n")) return write_outputs(s);
    if (!strcmp(line, "memory\n")) return tell_memory();
    fprintf(stderr, "unknown command %s", line);
    return false;
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') putchar('\\');
        if (c < 0x20) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void tell_load(const RunnerOptions *o, const RunnerModel *m, int64_t load_ns)
{
    printf("{\"event\":\"load\",\"runtime\":\"%s\",\"version\":\"%s\",\"threads\":%d,"
           "\"inputs\":%zu,\"outputs\":[",
           m->runtime, m->version, o->threads, m->inputs);
    for (size_t i = 0; i < m->output_count; i++) {
        printf("%s{\"name\":", i ? "," : "");
        print_text(m->outputs[i].name);
        printf(",\"shape\":[");
        for (size_t d = 0; d < m->outputs[i].rank; d++)
            printf("%s%lld", d ? "," : "", (long long)m->outputs[i].shape[d]);
        printf("]}");
    }
    printf("],\"ns\":%lld}\n", (long long)load_ns);
}

int runner_serve(const RunnerOptions *o, const RunnerModel *m, int64_t load_ns)
{
    Server s = {.options = o, .model = m};
    for (size_t i = 0; i < m->output_count; i++) s.elements += runner_elements(&m->outputs[i]);
    s.out = (float *)calloc(s.elements, sizeof(float));
    if (!s.out || !read_images(&s)) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    tell_load(o, m, load_ns);
    int64_t first = timed(&s, 0, UNCOUNTED);
    bool good = first >= 0;
    if (good) printf("{\"event\":\"first\",\"ns\":%lld}\n", (long long)first);
    char line[128];
    while (good && fgets(line, sizeof line, stdin)) good = obey(&s, line);
    free(s.images);
    free(s.out);
    return good ? 0 : 1;
}
