// Runs an ExecuTorch program (.pte) under the protocol of runner.h.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/platform/runtime.h>

#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
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

struct Output {
  std::string name;
  std::vector<std::int64_t> shape;
  std::size_t elements;
};

struct State {
  Module module;
  std::vector<executorch::aten::SizesType> shape;
  std::vector<Output> outputs;
};

bool run(void* opaque, const float* input, float* output) {
  auto* state = static_cast<State*>(opaque);
  auto tensor = executorch::extension::from_blob(const_cast<float*>(input), state->shape);
  auto result = state->module.forward(tensor);
  if (!result.ok()) {
    std::fprintf(stderr, "forward failed with ExecuTorch error %d\n", int(result.error()));
    return false;
  }
  for (std::size_t i = 0; i < state->outputs.size(); i++) {
    const auto& values = result->at(i).toTensor();
    const std::size_t elements = state->outputs[i].elements;
    if (std::size_t(values.numel()) != elements) {
      std::fprintf(stderr, "forward returned %zd values, not %zu\n", ssize_t(values.numel()),
                   elements);
      return false;
    }
    std::memcpy(output, values.const_data_ptr<float>(), elements * sizeof(float));
    output += elements;
  }
  return true;
}

// The names that export/executorch.py keeps in the program; as runtimes/base.py has it, those of a
// program without are a classifier's, or numbers.
std::vector<std::string> output_names(Module& module, std::size_t count) {
  std::vector<std::string> names;
  const auto methods = module.method_names();
  if (methods.ok() && methods->count("output_names")) {
    const auto stored = module.execute("output_names");
    if (stored.ok()) {
      const auto& bytes = stored->at(0).toTensor();
      std::stringstream text(
          std::string(reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()),
                      std::size_t(bytes.numel())));
      for (std::string name; std::getline(text, name);) names.push_back(name);
    }
  }
  if (names.size() == count) return names;
  names.clear();
  for (std::size_t i = 0; i < count; i++)
    names.push_back(count == 1 ? "logits" : "output_" + std::to_string(i));
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  const RunnerOptions options = runner_parse(argc, argv);
  executorch::runtime::runtime_init();
  executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(options.threads);

  const int64_t begin = runner_now_ns();
  State state{Module(options.model, Module::LoadMode::MmapUseMlockIgnoreErrors), {}, {}};
  const Error error = state.module.load_forward();
  if (error != Error::Ok) {
    std::fprintf(stderr, "%s: cannot be loaded (ExecuTorch error %d)\n", options.model, int(error));
    return 1;
  }
  const int64_t load_ns = runner_now_ns() - begin;

  const auto meta = state.module.method_meta("forward");
  if (!meta.ok() || meta->num_inputs() != 1 || meta->num_outputs() < 1) {
    std::fprintf(stderr, "%s: does not have one input and some outputs\n", options.model);
    return 1;
  }
  constexpr auto kFloat = executorch::aten::ScalarType::Float;
  const auto input = meta->input_tensor_meta(0);
  bool floats = input.ok() && input->scalar_type() == kFloat;
  const auto names = output_names(state.module, meta->num_outputs());
  for (std::size_t i = 0; i < names.size(); i++) {
    const auto output = meta->output_tensor_meta(i);
    floats = floats && output.ok() && output->scalar_type() == kFloat;
    if (!floats) break;
    Output made{names[i], {}, 1};
    for (const auto size : output->sizes()) {
      made.shape.push_back(size);
      made.elements *= size;
    }
    state.outputs.push_back(made);
  }
  if (!floats) {
    std::fprintf(stderr, "%s: input and outputs are not float32 tensors\n", options.model);
    return 1;
  }
  std::size_t inputs = 1;
  for (const auto size : input->sizes()) {
    state.shape.push_back(size);
    inputs *= size;
  }
  std::vector<RunnerOutput> outputs;
  for (const auto& made : state.outputs)
    outputs.push_back({made.name.c_str(), made.shape.data(), made.shape.size()});

  const RunnerModel model{"executorch", EXECUTORCH_VERSION, inputs, outputs.data(), outputs.size(),
                          &state, run};
  return runner_serve(&options, &model, load_ns);
}
