#include "tests/conformance/golden_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace striate {

static const std::filesystem::path kFolder =
    std::filesystem::path(STRIATE_SOURCE_FOLDER) / "tests/conformance/golden";

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

GoldenFile GoldenFile::read(const std::string& name) {
  Result<Safetensors> content = read_safetensors((kFolder / (name + ".safetensors")).string());
  if (content) return {name, std::move(*content)};
  ADD_FAILURE() << content.failure().message;
  return {name, {}};
}

std::vector<std::string> GoldenFile::cases() const {
  std::vector<std::string> labels;
  for (const auto& [key, value] : content.metadata) {
    if (key.find('/') == std::string::npos) labels.push_back(key);
  }
  return labels;
}

static ReferenceTensor reference_of(const Tensor& tensor, bool batched) {
  ReferenceTensor result;
  result.type.element = tensor.element() == ElementType::I32 ? ElementType::I32 : ElementType::F32;
  result.shape = tensor.shape();
  for (int64_t size : tensor.shape()) result.type.shape.push_back(Size::constant(size));
  if (batched) result.type.shape[0] = Size::n();
  if (tensor.element() == ElementType::I32) {
    for (int32_t value : tensor.as<int32_t>()) result.values.push_back(value);
  } else {
    for (double value : tensor.as<double>()) result.values.push_back(value);
  }
  return result;
}

std::vector<std::optional<ReferenceTensor>> GoldenFile::tensors(const std::string& label,
                                                                const std::string& kind,
                                                                const std::vector<int>& batched) const {
  std::vector<std::optional<ReferenceTensor>> result;
  const std::string prefix = label + "/" + kind + ".";
  for (const NamedTensor& entry : content.tensors) {
    if (entry.name.compare(0, prefix.size(), prefix) != 0) continue;
    std::size_t number = 0;
    std::from_chars(entry.name.data() + prefix.size(), entry.name.data() + entry.name.size(), number);
    if (result.size() <= number) result.resize(number + 1);
    const bool has_batch =
        std::find(batched.begin(), batched.end(), static_cast<int>(number)) != batched.end();
    result[number] = reference_of(entry.tensor, has_batch);
  }
  return result;
}

std::vector<int> GoldenFile::batched(const std::string& label) const {
  std::vector<int> result;
  const auto found = content.metadata.find(label + "/batched");
  if (found == content.metadata.end()) return result;
  for (char c : found->second) {
    if (c >= '0' && c <= '9') result.push_back(c - '0');
  }
  return result;
}

} // namespace striate
