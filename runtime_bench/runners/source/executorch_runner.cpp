// Runs an ExecuTorch program (.pte) under the protocol of runner.h.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/platform/runtime.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "runner.h"

#ifndef EXECUTORCH_VERSION
#error "build.py passes the version of the wheel that the libraries come from"
#endif

// threadpool.h is not in the wheel, its symbols are exported (checked with 1.5.1).
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t threads);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace {

using executorch::extension::Module;
using executorch::runtime::Error;

struct State {
  Module module;
  std::vector<executorch::aten::SizesType> shape;
  std::size_t outputs;
};

bool run(void* opaque, const float* input, float* output) {
  auto* state = static_cast<State*>(opaque);
  auto tensor = executorch::extension::from_blob(const_cast<float*>(input), state->shape);
  auto result = state->module.forward(tensor);
  if (!result.ok()) {
    std::fprintf(stderr, "forward failed with ExecuTorch error %d\n", int(result.error()));
    return false;
  }
  const auto& logits = result->at(0).toTensor();
  if (std::size_t(logits.numel()) != state->outputs) {
    std::fprintf(stderr, "forward returned %zd values, not %zu\n", ssize_t(logits.numel()),
                 state->outputs);
    return false;
  }
  std::memcpy(output, logits.const_data_ptr<float>(), state->outputs * sizeof(float));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const RunnerOptions options = runner_parse(argc, argv);
  executorch::runtime::runtime_init();
  executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(options.threads);

  const int64_t begin = runner_now_ns();
  State state{Module(options.model, Module::LoadMode::MmapUseMlockIgnoreErrors), {}, 0};
  const Error error = state.module.load_forward();
  if (error != Error::Ok) {
    std::fprintf(stderr, "%s: cannot be loaded (ExecuTorch error %d)\n", options.model, int(error));
    return 1;
  }
  const int64_t load_ns = runner_now_ns() - begin;

  const auto meta = state.module.method_meta("forward");
  if (!meta.ok() || meta->num_inputs() != 1 || meta->num_outputs() != 1) {
    std::fprintf(stderr, "%s: does not have one input and one output\n", options.model);
    return 1;
  }
  const auto input = meta->input_tensor_meta(0), output = meta->output_tensor_meta(0);
  constexpr auto kFloat = executorch::aten::ScalarType::Float;
  if (!input.ok() || !output.ok() || input->scalar_type() != kFloat ||
      output->scalar_type() != kFloat) {
    std::fprintf(stderr, "%s: input and output are not float32 tensors\n", options.model);
    return 1;
  }
  std::size_t inputs = 1;
  for (const auto size : input->sizes()) {
    state.shape.push_back(size);
    inputs *= size;
  }
  state.outputs = 1;
  for (const auto size : output->sizes()) state.outputs *= size;

  const RunnerModel model{"executorch", EXECUTORCH_VERSION, inputs, state.outputs, &state, run};
  return runner_serve(&options, &model, load_ns);
}
