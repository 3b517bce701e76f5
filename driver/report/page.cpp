#include "driver/report/page.h"

#include "driver/report/graph_json.h"
#include "support/check.h"

#include <string_view>

namespace striate {

std::string json_in_script(const nlohmann::ordered_json& document) {
  // In JSON these occur in strings alone, where an escape means the same.
  std::string text;
  for (const char character : json_text(document, -1)) {
    if (character == '<')
      text += "\\u003c";
    else if (character == '>')
      text += "\\u003e";
    else if (character == '&')
      text += "\\u0026";
    else
      text += character;
  }
  return text;
}

static std::string files_ending(std::string_view suffix) {
  std::string text;
  for (const PageFile& file : page_files())
    if (file.name.ends_with(suffix)) text += file.text;
  return text;
}

std::string report_page(const nlohmann::ordered_json& document) {
  const std::string skeleton = files_ending(".html");
  std::string page;
  std::size_t at = 0;
  const auto put = [&](std::string_view marker, const std::string& text) {
    const std::size_t place = skeleton.find(marker, at);
    CHECK(place != std::string::npos, "the page has no {}", marker);
    page.append(skeleton, at, place - at);
    page += text;
    at = place + marker.size();
  };
  put("@STYLE@", files_ending(".css"));
  put("@DATA@", json_in_script(document));
  put("@SCRIPT@", files_ending(".js"));
  return page.append(skeleton, at);
}

} // namespace striate
