#include "driver/kernel_compiler.h"

#include "driver/cuda_target.h"
#include "driver/kernel_program.h"

namespace striate {

CompileKernels kernel_compiler(const std::string& device, int threads) {
  if (device.empty() && !kHasCpuBackEnd) return {};
  return [device, threads, cuda = std::shared_ptr<const CudaTarget>()](
             const Program& program, const TargetInfo& target) mutable -> Result<Executable> {
    if (!device.empty() && !cuda) {
      Result<std::shared_ptr<const CudaTarget>> opened = CudaTarget::open(device);
      if (!opened) return Failure{ExitCode::Usage, opened.failure().message};
      cuda = std::move(*opened);
    }
    CompileOptions settings;
    settings.pipeline.target = target;
    settings.threads = threads;
    settings.cuda = cuda;
    return executable_of(program, settings);
  };
}

} // namespace striate
