/* Runs an ONNX model on onnxruntime's CPU provider under the protocol of runner.h. */
#include "even_clock.h"
#include "onnxruntime_abi.h"
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_RANK = 8, MAX_OUTPUTS = 64 };

typedef struct {
    int64_t shape[MAX_RANK];
    size_t rank;
    size_t elements;
    char *name;
} Port;

typedef struct {
    void *session;
    void *memory;
    Port input, outputs[MAX_OUTPUTS];
    size_t count; /* of outputs */
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

/* A tensor over `values`; NULL after a message. */
static void *tensor(const State *s, const Port *p, const float *values)
{
    void *made = NULL;
    good(CALL(CreateTensorWithDataAsOrtValue, void *, void *, size_t, const int64_t *, size_t, int,
              void **)(s->memory, (void *)values, p->elements * sizeof(float), p->shape, p->rank,
                       ORT_TENSOR_FLOAT, &made));
    return made;
}

static bool run(void *opaque, const float *input, float *output)
{
    State *s = (State *)opaque;
    void *in = tensor(s, &s->input, input), *out[MAX_OUTPUTS] = {NULL};
    const char *in_names[] = {s->input.name}, *out_names[MAX_OUTPUTS];
    bool ok = in != NULL;
    for (size_t i = 0; i < s->count; i++) {
        out[i] = tensor(s, &s->outputs[i], output);
        out_names[i] = s->outputs[i].name;
        ok = ok && out[i];
        output += s->outputs[i].elements;
    }
    ok = ok &&
         good(CALL(Run, void *, const void *, const char *const *, void *const *, size_t,
                   const char *const *, size_t, void **)(s->session, NULL, in_names, &in, 1,
                                                         out_names, s->count, out));
    void (*release)(void *) = (void (*)(void *))api[ReleaseValue];
    if (in) release(in);
    for (size_t i = 0; i < s->count; i++)
        if (out[i]) release(out[i]);
    return ok;
}

/* How many inputs or outputs the model has. */
static size_t count_ports(void *session, int count_slot)
{
    size_t count = 0;
    check(CALL(count_slot, void *, size_t *)(session, &count));
    return count;
}

/* Shape, size and name of an input or output of the model. */
static Port port(void *session, size_t index, int type_slot, int name_slot)
{
    Port p = {.elements = 1};
    void *type = NULL, *allocator = NULL;
    const void *info = NULL;
    int element = 0;
    check(CALL(type_slot, void *, size_t, void **)(session, index, &type));
    check(CALL(CastTypeInfoToTensorInfo, void *, const void **)(type, &info));
    if (info) check(CALL(GetTensorElementType, const void *, int *)(info, &element));
    if (element != ORT_TENSOR_FLOAT) {
        fprintf(stderr, "input and outputs of the model are not float32 tensors\n");
        exit(1);
    }
    check(CALL(GetDimensionsCount, const void *, size_t *)(info, &p.rank));
    if (p.rank > MAX_RANK) {
        fprintf(stderr, "a tensor has %zu dimensions\n", p.rank);
        exit(1);
    }
    check(CALL(GetDimensions, const void *, int64_t *, size_t)(info, p.shape, p.rank));
    for (size_t i = 0; i < p.rank; i++) {
        if (p.shape[i] < 1) p.shape[i] = 1; /* a free batch size */
        p.elements *= (size_t)p.shape[i];
    }
    check(CALL(GetAllocatorWithDefaultOptions, void **)(&allocator));
    check(CALL(name_slot, void *, size_t, void *, char **)(session, index, allocator, &p.name));
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
    s.count = count_ports(s.session, SessionGetOutputCount);
    if (count_ports(s.session, SessionGetInputCount) != 1 || !s.count || s.count > MAX_OUTPUTS) {
        fprintf(stderr, "the model does not have one input and 1 to %d outputs\n", MAX_OUTPUTS);
        return 1;
    }
    s.input = port(s.session, 0, SessionGetInputTypeInfo, SessionGetInputName);
    RunnerOutput outputs[MAX_OUTPUTS];
    for (size_t i = 0; i < s.count; i++) {
        s.outputs[i] = port(s.session, i, SessionGetOutputTypeInfo, SessionGetOutputName);
        outputs[i] =
            (RunnerOutput){s.outputs[i].name, s.outputs[i].shape, s.outputs[i].rank};
    }
    const RunnerModel model = {"onnxruntime", OrtGetApiBase()->GetVersionString(),
                               s.input.elements, outputs, s.count, &s, run};
    return runner_serve(&o, &model, load_ns);
}
