#include "runtime/load_weights.h"

#include "runtime/listed.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "support/parameter_path.h"

#include <algorithm>
#include <map>

namespace striate {

static bool is_one_of(const std::string& name, const std::vector<std::string>& paths) {
  return std::ranges::any_of(paths, [&](const std::string& path) { return is_at_or_below(name, path); });
}

Result<std::vector<NamedTensor>> read_weights(const std::string& file) {
  if (file.ends_with(".npz")) return read_npz(file, {});
  Result<Safetensors> content = read_safetensors(file);
  if (!content) return content.failure();
  return std::move(content->tensors);
}

static Tensor rounded(const Tensor& values) {
  Tensor result(ElementType::F32, values.shape());
  for (int64_t k = 0; k < values.elements(); ++k)
    result.as<float>()[static_cast<std::size_t>(k)] = static_cast<float>(values.number(k));
  return result;
}

Result<std::vector<NamedTensor>> with_loaded(std::vector<NamedTensor> weights, const WeightLoad& load) {
  Result<std::vector<NamedTensor>> content = read_weights(load.file);
  if (!content) return Failure{content.failure().code, load.place + ": " + content.failure().message};
  std::map<std::string, Tensor*> in_file;
  for (NamedTensor& tensor : *content)
    if (!is_optimizer_state(tensor.name)) in_file[tensor.name] = &tensor.tensor;

  std::vector<std::string> missing, different;
  std::map<std::string, bool> used;
  for (auto& [name, tensor] : weights) {
    if ((!load.into.empty() && !is_one_of(name, load.into)) || is_one_of(name, load.except)) continue;
    std::vector<std::string> names = {name};
    if (load.into.size() == 1 && name.starts_with(load.into[0] + "."))
      names.push_back(name.substr(load.into[0].size() + 1));
    const auto found = std::ranges::find_if(names, [&](const std::string& n) { return in_file.contains(n); });
    if (found == names.end() || is_one_of(*found, load.except)) {
      missing.push_back(fmt::format("`{}`", name));
      continue;
    }
    used[*found] = true;
    const Tensor& values = *in_file.at(*found);
    const bool rounds = values.element() == ElementType::F64 && tensor.element() == ElementType::F32;
    if (values.shape() != tensor.shape() || (values.element() != tensor.element() && !rounds))
      different.push_back(
          fmt::format("`{}` is {} instead of {}", *found, values.type_text(), tensor.type_text()));
    else
      tensor = rounds ? rounded(values) : values.clone();
  }
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : in_file)
    if (!used.contains(name) && !is_one_of(name, load.except))
      unexpected.push_back(fmt::format("`{}`", name));

  std::string problems;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) problems += fmt::format("{}{} {}", problems.empty() ? "" : "; ", what, listed(names));
  };
  add("it lacks", missing);
  add("other types or shapes:", different);
  add("it holds more:", unexpected);
  if (!problems.empty()) return bad_data("{}: `{}` does not fit: {}", load.place, load.file, problems);
  return weights;
}

} // namespace striate
