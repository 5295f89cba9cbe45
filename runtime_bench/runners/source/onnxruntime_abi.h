/* The part of onnxruntime's C interface that the runner calls.
 *
 * The wheel carries the library without its header. OrtApi is a table of function pointers that
 * onnxruntime only ever appends to (docs/Versioning.md of the project), so a slot's number is as
 * stable as its name. Numbers are those of onnxruntime_c_api.h; tests compare them with the
 * header where Debian's libonnxruntime-dev is installed.
 */
#ifndef FBDEPLOY_ONNXRUNTIME_ABI_H
#define FBDEPLOY_ONNXRUNTIME_ABI_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;

typedef struct {
    const void *const *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
} OrtApiBase;

const OrtApiBase *OrtGetApiBase(void);

enum {
    ORT_API_VERSION_USED = 16,
    ORT_LOGGING_LEVEL_ERROR = 3,
    ORT_TENSOR_FLOAT = 1,
    ORT_ARENA_ALLOCATOR = 1,
    ORT_MEMORY_DEFAULT = 0
};

enum OrtSlot {
    GetErrorMessage = 2,
    CreateEnv = 3,
    CreateSession = 7,
    Run = 9,
    CreateSessionOptions = 10,
    SetIntraOpNumThreads = 24,
    SetInterOpNumThreads = 25,
    SessionGetInputCount = 30,
    SessionGetOutputCount = 31,
    SessionGetInputTypeInfo = 33,
    SessionGetOutputTypeInfo = 34,
    SessionGetInputName = 36,
    SessionGetOutputName = 37,
    CreateTensorWithDataAsOrtValue = 49,
    CastTypeInfoToTensorInfo = 55,
    GetTensorElementType = 60,
    GetDimensionsCount = 61,
    GetDimensions = 62,
    CreateCpuMemoryInfo = 69,
    GetAllocatorWithDefaultOptions = 78,
    ReleaseValue = 96
};

#endif
