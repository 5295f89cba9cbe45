/* Runs an ONNX model on onnxruntime's CPU provider under the protocol of runner.h. */
#include "even_clock.h"
#include "onnxruntime_abi.h"
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_RANK = 8 };

typedef struct {
    int64_t shape[MAX_RANK];
    size_t rank;
    size_t elements;
    char *name;
} Port;

typedef struct {
    void *session;
    void *memory;
    Port input, output;
} State;

static const void *const *api;

/* Call an API function: CALL(slot, argument types...)(arguments...). */
#define CALL(slot, ...) ((OrtStatus * (*)(__VA_ARGS__)) api[slot])

static bool good(OrtStatus *status)
{
    if (!status) return true;
    fprintf(stderr, "onnxruntime: %s\n",
            ((const char *(*)(const OrtStatus *))api[GetErrorMessage])(status));
    return false;
}

static void check(OrtStatus *status)
{
    if (!good(status)) exit(1);
}

static bool run(void *opaque, const float *input, float *output)
{
    State *s = (State *)opaque;
    void *in = NULL, *out = NULL;
    const char *in_names[] = {s->input.name}, *out_names[] = {s->output.name};
    const size_t in_bytes = s->input.elements * sizeof(float);
    const size_t out_bytes = s->output.elements * sizeof(float);
    bool ok =
        good(CALL(CreateTensorWithDataAsOrtValue, void *, void *, size_t, const int64_t *, size_t,
                  int, void **)(s->memory, (void *)input, in_bytes, s->input.shape, s->input.rank,
                                ORT_TENSOR_FLOAT, &in)) &&
        good(CALL(CreateTensorWithDataAsOrtValue, void *, void *, size_t, const int64_t *, size_t,
                  int, void **)(s->memory, output, out_bytes, s->output.shape, s->output.rank,
                                ORT_TENSOR_FLOAT, &out)) &&
        good(CALL(Run, void *, const void *, const char *const *, void *const *, size_t,
                  const char *const *, size_t, void **)(s->session, NULL, in_names, &in, 1,
                                                        out_names, 1, &out));
    void (*release)(void *) = (void (*)(void *))api[ReleaseValue];
    if (in) release(in);
    if (out) release(out);
    return ok;
}

/* Shape, size and name of the model's only input or output. */
static Port port(void *session, int count_slot, int type_slot, int name_slot)
{
    Port p = {.elements = 1};
    size_t count = 0;
    void *type = NULL, *allocator = NULL;
    const void *tensor = NULL;
    int element = 0;
    check(CALL(count_slot, void *, size_t *)(session, &count));
    if (count != 1) {
        fprintf(stderr, "the model does not have one input and one output\n");
        exit(1);
    }
    check(CALL(type_slot, void *, size_t, void **)(session, 0, &type));
    check(CALL(CastTypeInfoToTensorInfo, void *, const void **)(type, &tensor));
    if (tensor) check(CALL(GetTensorElementType, const void *, int *)(tensor, &element));
    if (element != ORT_TENSOR_FLOAT) {
        fprintf(stderr, "input and output of the model are not float32 tensors\n");
        exit(1);
    }
    check(CALL(GetDimensionsCount, const void *, size_t *)(tensor, &p.rank));
    if (p.rank > MAX_RANK) {
        fprintf(stderr, "a tensor has %zu dimensions\n", p.rank);
        exit(1);
    }
    check(CALL(GetDimensions, const void *, int64_t *, size_t)(tensor, p.shape, p.rank));
    for (size_t i = 0; i < p.rank; i++) {
        if (p.shape[i] < 1) p.shape[i] = 1; /* a free batch size */
        p.elements *= (size_t)p.shape[i];
    }
    check(CALL(GetAllocatorWithDefaultOptions, void **)(&allocator));
    check(CALL(name_slot, void *, size_t, void *, char **)(session, 0, allocator, &p.name));
    return p;
}

int main(int argc, char **argv)
{
    const RunnerOptions o = runner_parse(argc, argv);
    if (o.mark) even_clock_start();
    /* From 1.29 on the wheel's library writes a database into the home folder and uploads what it
     * ran, in a thread that also disturbs measurements. It asks for this when the first
     * environment is made. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    State s = {0};
    void *environment = NULL, *options = NULL;
    api = OrtGetApiBase()->GetApi(ORT_API_VERSION_USED);
    check(CALL(CreateEnv, int, const char *, void **)(ORT_LOGGING_LEVEL_ERROR, "fbdeploy",
                                                      &environment));
    check(CALL(CreateSessionOptions, void **)(&options));
    check(CALL(SetIntraOpNumThreads, void *, int)(options, o.threads));
    check(CALL(SetInterOpNumThreads, void *, int)(options, 1));
    check(CALL(CreateCpuMemoryInfo, int, int, void **)(ORT_ARENA_ALLOCATOR, ORT_MEMORY_DEFAULT,
                                                       &s.memory));
    const int64_t begin = runner_now_ns();
    check(CALL(CreateSession, void *, const char *, void *, void **)(environment, o.model, options,
                                                                     &s.session));
    const int64_t load_ns = runner_now_ns() - begin;
    s.input = port(s.session, SessionGetInputCount, SessionGetInputTypeInfo, SessionGetInputName);
    s.output =
        port(s.session, SessionGetOutputCount, SessionGetOutputTypeInfo, SessionGetOutputName);
    const RunnerModel model = {"onnxruntime", OrtGetApiBase()->GetVersionString(),
                               s.input.elements, s.output.elements, &s, run};
    return runner_serve(&o, &model, load_ns);
}
