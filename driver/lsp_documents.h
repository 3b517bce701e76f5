// The texts that a client has open, by URI, and the files of the disk beside them: what is open wins. Shown
// by tests/driver/lsp_test.py.
#pragma once

#include "driver/lsp_positions.h"
#include "support/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace striate::lsp {

struct Document {
  std::string uri;
  std::string path; // of the file; of a text that is in none, the URI
  std::string text;
  std::optional<int64_t> version;
  bool changed = true; // since it was analysed

  LineTable lines(Encoding encoding) const { return {text, encoding}; }
};

// `file:///a%20b.nn` <-> `/a b.nn`. A URI that is no file's is taken as it is.
std::string path_of_uri(const std::string& uri);
std::string uri_of_path(const std::string& path);

class Documents {
public:
  Document& open(const std::string& uri, std::string text, std::optional<int64_t> version);
  void close(const std::string& uri) { documents_.erase(uri); }
  Document* find(const std::string& uri); // nullptr where it is not open
  // The text of a file, from its document where it is open.
  Result<std::string> read(const std::string& path) const;
  std::map<std::string, Document>& all() { return documents_; }

private:
  std::map<std::string, Document> documents_;
};

} // namespace striate::lsp
