#include "runtime/data_fit.h"

#include <nlohmann/json.hpp>

namespace striate {

using Json = nlohmann::json;

// Words are bytes of a file, and may be no UTF-8: then their hexadecimal digits are stored.
static constexpr const char* kHexPrefix = "\x01";

static std::string storable(const std::string& bytes) {
  if (!bytes.starts_with(kHexPrefix) &&
      Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace).find("\xEF\xBF\xBD") ==
          std::string::npos)
    return bytes;
  std::string text = kHexPrefix;
  for (char c : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return text;
}

static std::string restored(const std::string& text) {
  if (!text.starts_with(kHexPrefix)) return text;
  std::string bytes;
  for (std::size_t i = 1; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::strtol(text.substr(i, 2).c_str(), nullptr, 16));
  return bytes;
}

static Json words_json(const std::vector<std::string>& words) {
  Json list = Json::array();
  for (const std::string& word : words) list.push_back(storable(word));
  return list;
}

static bool read_words(const Json& json, std::vector<std::string>& words) {
  if (!json.is_array()) return false;
  for (const Json& word : json) {
    if (!word.is_string()) return false;
    words.push_back(restored(word.get<std::string>()));
  }
  return true;
}

std::string fit_text(const DataFit& fit) {
  Json json = Json::object();
  if (!fit.csv.empty()) {
    Json& columns = json["csv"] = Json::array();
    for (const auto& [title, column] : fit.csv)
      columns.push_back(
          {{"title", storable(title)}, {"mean", column.mean}, {"words", words_json(column.words)}});
  }
  if (!fit.classes.empty()) json["classes"] = words_json(fit.classes);
  if (!fit.characters.empty()) json["characters"] = words_json(fit.characters);
  return json.dump();
}

Result<DataFit> parse_fit(const std::string& text, const std::string& source) {
  const Failure damaged = bad_data("`{}` has a description of its data that cannot be read", source);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged;
  DataFit fit;
  for (const auto& [key, value] : json.items()) {
    if (key == "classes" && read_words(value, fit.classes)) continue;
    if (key == "characters" && read_words(value, fit.characters)) continue;
    if (key != "csv" || !value.is_array()) return damaged;
    for (const Json& entry : value) {
      DataFit::CsvColumn column;
      if (!entry.is_object() || !entry.contains("title") || !entry["title"].is_string() ||
          !entry.contains("mean") || !entry["mean"].is_number() || !entry.contains("words") ||
          !read_words(entry["words"], column.words))
        return damaged;
      column.mean = entry["mean"].get<double>();
      fit.csv[restored(entry["title"].get<std::string>())] = std::move(column);
    }
  }
  return fit;
}

} // namespace striate
