#include "codegen/cuda/host_module.h"

#include "ir/kernel/analysis.h"

namespace striate {

Result<HostShimModule> HostShimModule::compile(const Program& program) {
  const Result<std::string> text = cuda_text(program);
  if (!text) return text.failure();
  return compile(program, *text);
}

Result<HostShimModule> HostShimModule::compile(const Program& program, const std::string& text) {
  Result<HostLibrary> library = HostLibrary::compile(text, program.name);
  if (!library) return library.failure();
  HostShimModule module(std::move(*library));
  const std::vector<std::string> names = cuda_names(program);
  for (size_t k = 0; k < names.size(); ++k) {
    Step step;
    step.name = names[k];
    step.kernel = module.library_.kernel(names[k]);
    step.launch = cuda_launch(program, k);
    const striate::Kernel kernel = program.kernels[k];
    step.parallel_extent = [kernel](int64_t examples) { return striate::parallel_extent(kernel, examples); };
    if (!step.kernel) return bad_data("the text does not define {}", names[k]);
    module.steps_.push_back(std::move(step));
  }
  module.loops_ = program.loops;
  return module;
}

Status HostShimModule::run(char* arena, const float* scalars, int64_t examples, ThreadOrder order) const {
  Status status;
  visit_calls(loops_, 0, steps_.size(), [&](size_t kernel, int64_t part, int64_t parts) {
    if (status) status = run_part(steps_[kernel], arena, scalars, examples, order, part, parts);
  });
  return status;
}

// Part `part` of `parts` equal ones of the kernel's parallel range.
Status HostShimModule::run_part(const Step& step, char* arena, const float* scalars, int64_t examples,
                                ThreadOrder order, int64_t part, int64_t parts) const {
  const int64_t extent = step.parallel_extent(examples) / parts;
  const Status ran = library_.launch(
      step.kernel, {arena, scalars, examples, part * extent, (part + 1) * extent},
      {static_cast<unsigned>(step.launch.blocks(extent)), static_cast<unsigned>(step.launch.threads()),
       static_cast<unsigned>(step.launch.shared_bytes())},
      order);
  if (!ran) return Failure{ran.failure().code, fmt::format("{}: {}", step.name, ran.failure().message)};
  return {};
}

} // namespace striate
