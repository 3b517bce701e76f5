// The language server's messages: JSON-RPC 2.0 requests and notifications, and what is answered. Assumes
// nothing of a message. Guarantees: each request gets one answer, an error where it is wrong or unknown;
// notifications get none. Shown by tests/driver/lsp_test.py.
#pragma once

#include "driver/lsp_features.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace striate::lsp {

class Server {
public:
  // `send`: gives a message to the client.
  explicit Server(std::function<void(const nlohmann::json&)> send) : send_(std::move(send)) {}

  // A message as text.
  void receive(const std::string& text);
  // Whether texts changed since their diagnostics were published; `publish` checks and publishes them.
  bool has_changes() const { return has_changes_; }
  void publish();
  // After `exit`: the process's exit code.
  std::optional<int> exit_code() const { return exit_code_; }
  // For what is wrong with the stream itself.
  void refuse(int code, const std::string& why) { answer_error(nullptr, code, why); }

private:
  using Json = nlohmann::json;
  // What has the server ask for no reply.
  void notified(const std::string& method, const Json& parameters);
  Json requested(const std::string& method, const Json& parameters);

  Json initialize(const Json& parameters);
  void change(const Json& parameters);
  void close(const Json& parameters);
  void mark_changed(const std::string& uri = "");
  // The last analysis of the document, made now where it has changed.
  const Analysis& analysis_of(Document& document);
  void answer_error(const Json& id, int code, const std::string& why);

  std::function<void(const Json&)> send_;
  Documents documents_;
  std::map<std::string, Analysis> analyses_; // by URI
  Analyser analyser_;
  Encoding encoding_ = Encoding::Utf16;
  bool initialized_ = false, shut_down_ = false, has_changes_ = false;
  std::optional<int> exit_code_;
};

} // namespace striate::lsp
