// The report of a compilation as one HTML page that needs nothing else: what `build --emit=html` prints.
// driver/report/page holds its structure, style and scripts; the data is a JSON document within it
// (docs/report.md).
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace striate {

struct PageFile {
  std::string name; // "page.css"
  std::string text;
};
const std::vector<PageFile>& page_files(); // embedded, sorted by name

// A JSON text such that no HTML parser sees the end of a script in it.
std::string json_in_script(const nlohmann::ordered_json& document);

std::string report_page(const nlohmann::ordered_json& document);

} // namespace striate
