#include "driver/print_diagnostics.h"

#include "driver/program.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace striate {

using Json = nlohmann::ordered_json;

static void add_place(Json& object, const SourceLocation& place) {
  if (!place.known()) return;
  object["file"] = place.file;
  object["line"] = place.line;
  object["column"] = place.column;
  object["end_column"] = place.column + place.length;
}

static bool is_name(const std::string& text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

static Json json_of(const Diagnostics& diagnostics, const DiagnosticMessage& message) {
  Json object;
  object["severity"] = message.warning ? "warning" : "error";
  object["code"] = diagnostic_code(message.kind);
  object["message"] = message.text;
  add_place(object, message.location);
  object["labels"] = object["notes"] = object["help"] = object["suggestions"] = Json::array();
  for (const DiagnosticMessage::Remark& remark : message.remarks) {
    if (remark.location.known()) {
      Json label = {{"message", remark.text}};
      add_place(label, remark.location);
      object["labels"].push_back(std::move(label));
      continue;
    }
    object[remark.is_help ? "help" : "notes"].push_back(remark.text);
    // A name is put in place of a name only: a message may point at more than the name it is about.
    if (!remark.replacement || !remark.replaces.known()) continue;
    const bool inserts = remark.replaces.length == 0;
    if (!inserts && !is_name(diagnostics.source_text(remark.replaces))) continue;
    Json suggestion = {{"message", remark.text}, {"replacement", *remark.replacement}};
    add_place(suggestion, remark.replaces);
    object["suggestions"].push_back(std::move(suggestion));
  }
  return object;
}

std::string diagnostics_json(const Diagnostics& diagnostics, std::size_t limit) {
  std::string result;
  for (const DiagnosticMessage* message : diagnostics.sorted()) {
    if (limit-- == 0) break;
    result += json_of(diagnostics, *message).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return result;
}

void print_diagnostics(const Diagnostics& diagnostics, const Options& options) {
  const auto limit = static_cast<std::size_t>(options.error_limit);
  if (options.diagnostics == "json") {
    fmt::print(stderr, "{}", diagnostics_json(diagnostics, limit));
    return;
  }
  if (diagnostics.messages().empty()) return;
  fmt::print(stderr, "{}\n`striate explain {}` tells more\n", diagnostics.render(use_color(options), limit),
             diagnostic_code(diagnostics.sorted()[0]->kind));
}

} // namespace striate
