#include "driver/report/emit_report.h"

#include "driver/kernel_id.h"
#include "driver/program.h"
#include "driver/report/graph_json.h"
#include "driver/report/page.h"
#include "frontend/standard_library.h"
#include "support/version.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif

#include <algorithm>

namespace striate {

using Json = nlohmann::ordered_json;

// The program first, then every other file that something came from, the library's too.
static Json source_files(const Graph& graph, const std::string& file) {
  std::vector<std::string> names = {file};
  const auto add = [&](const SourceLocation& location) {
    if (location.known() && std::ranges::find(names, location.file) == names.end())
      names.push_back(location.file);
  };
  for (const Value& value : graph.values) add(value.location);
  for (const Node& node : graph.nodes) add(node.location);
  std::sort(names.begin() + 1, names.end());
  Json files = Json::array();
  for (const std::string& name : names) {
    const auto& library = standard_library();
    const auto own = std::ranges::find(library, name, &StandardFile::name);
    const Result<std::string> text = own != library.end() ? own->text : read_program_text(name);
    // What cannot be read any more is named all the same.
    files.push_back({{"file", name}, {"library", own != library.end()}, {"text", text ? *text : ""}});
  }
  return files;
}

Result<std::string> html_report(const CompiledEntry& entry, const PassHistory& history,
                                const LayerCalls& calls, const std::string& file,
                                const CompileOptions& options, std::optional<std::size_t> only) {
  Json document = graph_json(entry.regions, entry.program, calls, options.pipeline.target.name, only);
  document["version"] = kVersion;
  document["sources"] = source_files(only ? only_region(entry.regions, *only) : entry.regions, file);
  document["passes"] = history.passes();
  document["assembly"] = nullptr;
#ifdef STRIATE_HAS_LLVM
  Result<std::vector<KernelAssembly>> assembly =
      kernel_assembly(entry.program, options.pipeline.target, options.threads, only);
  if (!assembly) return assembly.failure();
  document["assembly"] = Json::array();
  for (KernelAssembly& part : *assembly) {
    if (only) part.kernels = {0};
    document["assembly"].push_back({{"kernels", part.kernels}, {"text", std::move(part.text)}});
  }
#endif
  return report_page(document);
}

} // namespace striate
