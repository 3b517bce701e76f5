#include "codegen/cpu/link_library.h"

#include "runtime/files.h"

#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/Program.h>
#include <llvm/TargetParser/Triple.h>

#include <cstdlib>
#include <filesystem>

namespace striate {

Result<std::string> static_library(const std::string& member, const std::string& object) {
  const llvm::NewArchiveMember one(llvm::MemoryBufferRef(object, member));
  auto buffer = llvm::writeArchiveToBuffer(one, llvm::SymtabWritingMode::NormalSymtab,
                                           llvm::object::Archive::K_GNU, true, false);
  if (!buffer) return Failure{ExitCode::Internal, llvm::toString(buffer.takeError())};
  return (*buffer)->getBuffer().str();
}

static std::string compiler_for(const TargetInfo& target) {
  if (!target.triple.empty()) return llvm::Triple(target.triple).getArchName().str() + "-linux-gnu-gcc";
  const char* given = std::getenv("CC");
  return given && *given ? given : "cc";
}

Status link_shared_library(const std::string& path, const std::string& object, const TargetInfo& target) {
  const std::string compiler = compiler_for(target);
  const auto program = llvm::sys::findProgramByName(compiler);
  if (!program)
    return Failure{ExitCode::Failed,
                   fmt::format("`{}` is linked by `{}`, which is not there; `-o {}` needs no linker", path,
                               compiler, std::filesystem::path(path).replace_extension(".o").string())};
  const std::string name = std::filesystem::path(path).filename().string();
  const std::string unlinked = path + ".tmp.o", linked = path + ".tmp";
  if (Status written = write_file_safely(unlinked, object); !written) return written;
  // No start-up code: the library has no state to set up, and exports nothing but its own functions.
  const std::string soname = "-Wl,-soname," + name;
  const llvm::StringRef arguments[] = {*program,
                                       "-shared",
                                       "-nostartfiles",
                                       "-Wl,-z,noexecstack",
                                       "-Wl,-z,defs",
                                       soname,
                                       "-o",
                                       linked,
                                       unlinked,
                                       "-lm",
                                       "-lc"};
  std::string problem;
  const int code = llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt, {}, 0, 0, &problem);
  std::error_code error;
  std::filesystem::remove(unlinked, error);
  if (code == 0) std::filesystem::rename(linked, path, error);
  if (code == 0 && !error) return {};
  std::filesystem::remove(linked, error);
  return Failure{ExitCode::Failed, fmt::format("`{}` could not be linked by `{}`{}{}", path, compiler,
                                               problem.empty() ? "" : ": ", problem)};
}

} // namespace striate
