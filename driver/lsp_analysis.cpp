#include "driver/lsp_analysis.h"

#include "driver/crash_report.h"
#include "driver/data_source.h"
#include "driver/definition_gradient.h"
#include "driver/print_diagnostics.h"
#include "driver/run_apart.h"
#include "frontend/parser.h"
#include "frontend/used_files.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace striate::lsp {

using Json = nlohmann::json;

static constexpr std::size_t kMessageLimit = 200;
static constexpr std::size_t kTextsPerPlace = 8;
static constexpr std::size_t kPlaceLimit = 20'000;
static constexpr std::size_t kAnswerLimit =
    1'000; // about data; those of files that changed since are never asked again

// What a question about data is known by: how it is read, and which state its files are in.
static std::string key_of(const DataDescription& description, const std::filesystem::path& folder,
                          const std::string& question) {
  std::string key = question;
  for (const SplitDescription& split : description.splits) {
    key += "\n" + key_of(split.reader);
    for (const std::string& name : split.names) key += " " + name;
    for (const double count : split.counts) key += fmt::format(" {}", count);
    for (const std::string& file : split.reader.files) {
      std::error_code error;
      const std::filesystem::path path = folder / file;
      const auto time = std::filesystem::last_write_time(path, error).time_since_epoch().count();
      key += error ? " absent" : fmt::format(" {}", time);
    }
  }
  for (const int column : description.columns) key += fmt::format(" {}", column);
  for (const NamedColumns& named : description.named_columns)
    key += fmt::format(" {} {}", fmt::join(named.names, ","), named.codes);
  return key;
}

namespace {

// The places in the order in which they were found first.
class Findings {
public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  void add(const Finding& finding) {
    if (finding.place.file != file_ || places_.size() >= kPlaceLimit) return;
    const auto key = std::tuple(finding.place.line, finding.place.column, finding.place.length, finding.kind);
    const auto [known, is_new] = number_.try_emplace(key, places_.size());
    if (is_new) places_.push_back({finding.kind, finding.place, {}});
    std::vector<std::string>& texts = places_[known->second].texts;
    if (texts.size() < kTextsPerPlace && std::ranges::find(texts, finding.text) == texts.end())
      texts.push_back(finding.text);
  }
  Json json() const {
    Json list = Json::array();
    for (const PlaceFindings& found : places_)
      list.push_back({static_cast<int>(found.kind), found.place.line, found.place.column, found.place.length,
                      found.texts});
    return list;
  }

private:
  std::string file_;
  std::vector<PlaceFindings> places_;
  std::map<std::tuple<int, int, int, Finding::Kind>, std::size_t> number_;
};

} // namespace

// A file of operators and layers alone is for others to use: that it has no model is no mistake.
static bool is_for_others(const ast::File& file) {
  return std::ranges::none_of(file.items, [](const ast::Item& item) {
    return item.kind == ast::ItemKind::Model || item.kind == ast::ItemKind::Train;
  });
}

// In the other process: the whole analysis, as the text of a JSON object.
static std::string analysis_text(const Document& document, const Documents& documents,
                                 const std::map<std::string, std::string>& known_data) {
  const std::filesystem::path folder = std::filesystem::path(document.path).parent_path();
  DataSource source(folder.string());
  Findings findings(document.path);
  std::map<std::string, std::string> answers;
  const auto answer = [&](const DataDescription& description, const std::string& question,
                          const std::function<Json()>& find_out) {
    const std::string key = key_of(description, folder, question);
    const auto known = known_data.find(key);
    const Json value = known != known_data.end() ? Json::parse(known->second) : find_out();
    answers[key] = value.dump();
    return value;
  };

  ElaborateOptions options;
  options.found = [&](const Finding& finding) { findings.add(finding); };
  options.column_type = [&](const DataDescription& description, int column) -> std::optional<ColumnType> {
    const Json type = answer(description, fmt::format("column {}", column), [&]() -> Json {
      const auto found = source.column_type(description, column);
      return found ? Json{static_cast<int>(found->element), found->shape} : Json();
    });
    if (type.is_null()) return std::nullopt;
    return ColumnType{static_cast<ElementType>(type[0].get<int>()), type[1].get<std::vector<int64_t>>()};
  };
  options.data_count = [&](const DataDescription& description,
                           const std::string& what) -> std::optional<int64_t> {
    const Json count = answer(description, what, [&]() -> Json {
      const auto found = source.count(description, what);
      return found ? Json(*found) : Json();
    });
    return count.is_null() ? std::nullopt : std::optional(count.get<int64_t>());
  };

  Diagnostics diagnostics;
  ast::File file = parse(document.path, document.text, diagnostics);
  const bool for_others = is_for_others(file);
  std::string texts;
  add_used_files(
      file, [&](const std::string& path) { return documents.read(path); }, texts, diagnostics);
  if (!diagnostics.has_errors() && !elaborate(file, options, diagnostics).empty())
    check_gradient_clauses(file, diagnostics);

  Json result = {{"diagnostics", Json::array()}, {"findings", findings.json()}, {"answers", answers}};
  std::istringstream lines(diagnostics_json(diagnostics, kMessageLimit));
  for (std::string line; std::getline(lines, line);) {
    Json message = Json::parse(line);
    if (for_others && !message.contains("line")) continue;
    result["diagnostics"].push_back(std::move(message));
  }
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Analysis Analyser::analyse(const Document& document, const Documents& documents) {
  Analysis analysis;
  const Result<std::string> text = run_apart(
      [&] {
        set_crash_program(document.path);
        return analysis_text(document, documents, known_data_);
      },
      kAnalysisLimit);
  const Json result = text ? Json::parse(*text, nullptr, false) : Json();
  if (!result.is_object()) {
    analysis.problem =
        "the program was not checked: " + (text ? "an answer is missing" : text.failure().message);
    return analysis;
  }
  for (const Json& message : result["diagnostics"]) analysis.diagnostics.push_back(message);
  for (const Json& found : result["findings"])
    analysis.findings.push_back({static_cast<Finding::Kind>(found[0].get<int>()),
                                 {document.path, found[1], found[2], found[3]},
                                 found[4].get<std::vector<std::string>>()});
  if (known_data_.size() > kAnswerLimit) known_data_.clear();
  for (const auto& [question, answer] : result["answers"].items()) known_data_[question] = answer;
  return analysis;
}

} // namespace striate::lsp
