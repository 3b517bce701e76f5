#include "driver/lsp_documents.h"

#include "runtime/files.h"

#include <filesystem>

namespace striate::lsp {

static constexpr int64_t kTextLimit = int64_t{1} << 22; // as the parser has it
static constexpr std::string_view kFileScheme = "file://";

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string path_of_uri(const std::string& uri) {
  if (!uri.starts_with(kFileScheme)) return uri;
  const std::size_t start = uri.find('/', kFileScheme.size()); // after the host, which is empty or this one
  if (start == std::string::npos) return uri;
  std::string path;
  for (std::size_t i = start; i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size() && digit_of(uri[i + 1]) >= 0 && digit_of(uri[i + 2]) >= 0) {
      path += static_cast<char>(digit_of(uri[i + 1]) * 16 + digit_of(uri[i + 2]));
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string uri_of_path(const std::string& path) {
  if (!path.starts_with('/')) return path;
  std::string uri(kFileScheme);
  for (const char c : path) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

Document& Documents::open(const std::string& uri, std::string text, std::optional<int64_t> version) {
  return documents_[uri] = {uri, path_of_uri(uri), std::move(text), version, true};
}

Document* Documents::find(const std::string& uri) {
  const auto found = documents_.find(uri);
  return found == documents_.end() ? nullptr : &found->second;
}

Result<std::string> Documents::read(const std::string& path) const {
  const std::filesystem::path wanted = std::filesystem::path(path).lexically_normal();
  for (const auto& [uri, document] : documents_)
    if (std::filesystem::path(document.path).lexically_normal() == wanted) return document.text;
  std::error_code error;
  if (!std::filesystem::is_regular_file(wanted, error)) return bad_data("`{}` is no file", path);
  return read_file(path, kTextLimit);
}

} // namespace striate::lsp
