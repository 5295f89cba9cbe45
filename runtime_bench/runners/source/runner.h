/* What the native runners share: the command line, the commands on stdin and the answers on stdout.
 *
 *   RUNNER --model FILE --input FILE [--output FILE] [--threads N] [--mark]
 *
 * A runner loads one model of a single float32 input (batch 1) and float32 outputs, runs it once, and
 * then obeys the lines on its stdin until that ends. The host decides how often and when
 * to run, so that it can let several runners take turns. Each answer is one line of JSON:
 *   at the start  {"event":"load","runtime":..,"version":..,"threads":N,"inputs":N,
 *                  "outputs":[{"name":..,"shape":[N,..]},..],"ns":N}
 *                 {"event":"first","ns":N}
 *   run N         {"event":"samples","ns":[N,..],"khz":N}   khz: the core's clock, null if unknown
 *   outputs       {"event":"outputs","images":N}            --output has of each image all outputs
 *   memory        {"event":"memory","peak_rss_kib":N}
 * Errors go to stderr and end with exit code 1; a wrong command line ends with 2.
 */
#ifndef FBDEPLOY_RUNNER_H
#define FBDEPLOY_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *model;
    const char *input;  /* file of one or more float32 images of the model's input size */
    const char *output; /* where the outputs of all images go; may be NULL */
    int threads;
    bool mark; /* tell the instruction counter where each run begins and ends */
} RunnerOptions;

typedef struct {
    const char *name;
    const int64_t *shape; /* batch first */
    size_t rank;
} RunnerOutput;

typedef struct {
    const char *runtime;
    const char *version;
    size_t inputs; /* elements */
    const RunnerOutput *outputs;
    size_t output_count;
    void *state;
    /* Writes all outputs one behind the other; false after a message. */
    bool (*run)(void *state, const float *input, float *output);
} RunnerModel;

/* Fill the options, or print what is wrong and exit with 2. */
RunnerOptions runner_parse(int argc, char **argv);

int64_t runner_now_ns(void);

size_t runner_elements(const RunnerOutput *output);

/* Serve a loaded model until stdin ends; returns the process's exit code. */
int runner_serve(const RunnerOptions *options, const RunnerModel *model, int64_t load_ns);

#ifdef __cplusplus
}
#endif
#endif
