#include "driver/lsp_framing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace striate::lsp {

static constexpr std::string_view kLength = "content-length";

static std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

// The number of a Content-Length; -1 where the text is none.
static long long length_of(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  long long length = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size() ? length : -1;
}

FrameReader::State FrameReader::next(std::string& body) {
  if (!problem_.empty()) return State::Broken;
  long long length = -1;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = buffer_.find('\n', at);
    if (std::min(end, buffer_.size()) > kHeaderLimit) {
      problem_ = fmt::format("the headers of a message are longer than {} bytes", kHeaderLimit);
      return State::Broken;
    }
    if (end == std::string::npos) return State::Incomplete;
    std::string_view line = std::string_view(buffer_).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      problem_ = "a header of a message has no colon";
      return State::Broken;
    }
    if (lower_case(line.substr(0, colon)) != kLength) continue;
    length = length_of(line.substr(colon + 1));
    if (length < 0) {
      problem_ = "the Content-Length of a message is no number";
      return State::Broken;
    }
  }
  if (length < 0) {
    problem_ = "a message has no Content-Length";
    return State::Broken;
  }
  if (length > static_cast<long long>(kBodyLimit)) {
    problem_ = fmt::format("a message of {} bytes; the limit is {}", length, kBodyLimit);
    return State::Broken;
  }
  const auto size = static_cast<std::size_t>(length);
  if (buffer_.size() - at < size) return State::Incomplete;
  body = buffer_.substr(at, size);
  buffer_.erase(0, at + size);
  return State::Message;
}

std::string framed(std::string_view body) {
  return fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

} // namespace striate::lsp
