#include "driver/lsp_server.h"

#include "support/version.h"

#include <algorithm>

namespace striate::lsp {

using Json = nlohmann::json;

// JSON-RPC's, and the protocol's own.
static constexpr int kParseError = -32700;
static constexpr int kInvalidRequest = -32600;
static constexpr int kMethodNotFound = -32601;
static constexpr int kInvalidParameters = -32602;
static constexpr int kNotInitialized = -32002;

static constexpr int kIncrementalChanges = 2;

namespace {

struct RequestError {
  int code;
  std::string why;
};

} // namespace

void Server::answer_error(const Json& id, int code, const std::string& why) {
  send_({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", why}}}});
}

void Server::receive(const std::string& text) {
  const Json message = Json::parse(text, nullptr, false);
  if (message.is_discarded()) return answer_error(nullptr, kParseError, "the message is no JSON");
  if (!message.is_object()) return answer_error(nullptr, kInvalidRequest, "a message is one JSON object");
  const auto id = message.find("id");
  const bool is_request = id != message.end();
  if (is_request && !id->is_number() && !id->is_string() && !id->is_null())
    return answer_error(nullptr, kInvalidRequest, "an `id` is a number or a string");
  const Json known_id = is_request ? *id : Json();
  const auto method = message.find("method");
  if (method == message.end()) {
    // Answers to requests, which this server does not make.
    if (message.contains("result") || message.contains("error")) return;
    return answer_error(known_id, kInvalidRequest, "the message has no `method`");
  }
  if (!method->is_string()) return answer_error(known_id, kInvalidRequest, "a `method` is a text");
  const Json parameters = message.value("params", Json::object());
  // The JSON library tells of missing and wrong members by exceptions.
  try {
    if (!is_request) return notified(*method, parameters);
    Json result = requested(*method, parameters);
    send_({{"jsonrpc", "2.0"}, {"id", known_id}, {"result", std::move(result)}});
  } catch (const RequestError& error) {
    answer_error(known_id, error.code, error.why);
  } catch (const Json::exception& error) {
    if (is_request) answer_error(known_id, kInvalidParameters, error.what());
  }
}

void Server::notified(const std::string& method, const Json& parameters) {
  if (method == "exit") {
    exit_code_ = shut_down_ ? 0 : 1;
    return;
  }
  if (!initialized_ || shut_down_) return;
  if (method == "textDocument/didOpen") {
    const Json& document = parameters.at("textDocument");
    documents_.open(document.at("uri"), document.at("text"), document.value("version", int64_t{0}));
    mark_changed(document.at("uri"));
  } else if (method == "textDocument/didChange") {
    change(parameters);
  } else if (method == "textDocument/didClose") {
    close(parameters);
  } else if (method == "textDocument/didSave" || method == "workspace/didChangeWatchedFiles") {
    mark_changed();
  }
}

// The document, and those that may use it; without one, all: files may have come.
void Server::mark_changed(const std::string& uri) {
  for (auto& [other, document] : documents_.all())
    if (uri.empty() || other == uri || document.text.find("use") != std::string::npos)
      document.changed = true;
  has_changes_ = true;
}

void Server::change(const Json& parameters) {
  const Json& named = parameters.at("textDocument");
  Document* document = documents_.find(named.at("uri"));
  if (!document) return;
  for (const Json& change : parameters.at("contentChanges")) {
    const std::string text = change.at("text");
    const auto range = change.find("range");
    if (range == change.end()) {
      document->text = text;
      continue;
    }
    const Range replaced = range_from(*range);
    const LineTable lines = document->lines(encoding_);
    const std::size_t start = lines.offset(replaced.start);
    const std::size_t end = std::max(start, lines.offset(replaced.end));
    document->text.replace(start, end - start, text);
  }
  if (const auto version = named.find("version"); version != named.end() && version->is_number_integer())
    document->version = version->get<int64_t>();
  mark_changed(document->uri);
}

void Server::close(const Json& parameters) {
  const std::string uri = parameters.at("textDocument").at("uri");
  if (!documents_.find(uri)) return;
  documents_.close(uri);
  analyses_.erase(uri);
  send_({{"jsonrpc", "2.0"},
         {"method", "textDocument/publishDiagnostics"},
         {"params", {{"uri", uri}, {"diagnostics", Json::array()}}}});
  mark_changed(uri);
}

const Analysis& Server::analysis_of(Document& document) {
  if (!std::exchange(document.changed, false)) return analyses_[document.uri];
  Analysis& last = analyses_[document.uri];
  Analysis now = analyser_.analyse(document, documents_);
  // While a text does not parse, the types of before are better than none.
  const bool unknown = now.findings.empty() && (!now.diagnostics.empty() || !now.problem.empty());
  if (unknown) now.findings = std::move(last.findings);
  last = std::move(now);
  const View view(document, documents_, last, encoding_);
  Json parameters = {{"uri", document.uri}, {"diagnostics", diagnostics_of(view)}};
  if (document.version) parameters["version"] = *document.version;
  send_(
      {{"jsonrpc", "2.0"}, {"method", "textDocument/publishDiagnostics"}, {"params", std::move(parameters)}});
  return last;
}

void Server::publish() {
  has_changes_ = false;
  for (auto& [uri, document] : documents_.all()) analysis_of(document);
}

Json Server::initialize(const Json& parameters) {
  initialized_ = true;
  Json encodings = Json::array();
  if (const auto client = parameters.find("capabilities"); client != parameters.end() && client->is_object())
    if (const auto general = client->find("general"); general != client->end() && general->is_object())
      encodings = general->value("positionEncodings", Json::array());
  const bool utf8 = encodings.is_array() && std::ranges::find(encodings, Json("utf-8")) != encodings.end();
  encoding_ = utf8 ? Encoding::Utf8 : Encoding::Utf16;
  return {{"serverInfo", {{"name", "striate"}, {"version", kVersion}}},
          {"capabilities",
           {{"positionEncoding", utf8 ? "utf-8" : "utf-16"},
            {"textDocumentSync", {{"openClose", true}, {"change", kIncrementalChanges}, {"save", true}}},
            {"hoverProvider", true},
            {"inlayHintProvider", true},
            {"completionProvider", {{"triggerCharacters", {"(", ">", ","}}}},
            {"signatureHelpProvider", {{"triggerCharacters", {"(", ","}}}},
            {"definitionProvider", true},
            {"documentSymbolProvider", true},
            {"documentFormattingProvider", true},
            {"codeActionProvider", {{"codeActionKinds", {"quickfix"}}}}}}};
}

Json Server::requested(const std::string& method, const Json& parameters) {
  if (method == "initialize") {
    if (initialized_) throw RequestError{kInvalidRequest, "the server is initialized already"};
    return initialize(parameters);
  }
  if (!initialized_) throw RequestError{kNotInitialized, "the server is not initialized"};
  if (shut_down_) throw RequestError{kInvalidRequest, "the server was shut down"};
  if (method == "shutdown") {
    shut_down_ = true;
    return nullptr;
  }
  using Answer = Json (*)(const View&, const Json&);
  static const auto place = [](const Json& p) {
    return range_from({{"start", p.at("position")}, {"end", p.at("position")}}).start;
  };
  static const std::map<std::string, Answer> kAnswers = {
      {"textDocument/hover", [](const View& view, const Json& p) { return hover(view, place(p)); }},
      {"textDocument/completion",
       [](const View& view, const Json& p) { return completions(view, place(p)); }},
      {"textDocument/signatureHelp",
       [](const View& view, const Json& p) { return signature_help(view, place(p)); }},
      {"textDocument/definition", [](const View& view, const Json& p) { return definition(view, place(p)); }},
      {"textDocument/inlayHint",
       [](const View& view, const Json& p) { return inlay_hints(view, range_from(p.at("range"))); }},
      {"textDocument/codeAction",
       [](const View& view, const Json& p) { return code_actions(view, range_from(p.at("range"))); }},
      {"textDocument/documentSymbol", [](const View& view, const Json&) { return symbols(view); }},
      {"textDocument/formatting", [](const View& view, const Json&) { return formatting(view); }}};
  const auto answer = kAnswers.find(method);
  if (answer == kAnswers.end())
    throw RequestError{kMethodNotFound, fmt::format("there is no method `{}`", method)};
  const std::string uri = parameters.at("textDocument").at("uri");
  Document* document = documents_.find(uri);
  if (!document) throw RequestError{kInvalidParameters, fmt::format("`{}` is not open", uri)};
  // What is answered from the tokens alone does not wait for an analysis.
  const bool needs_analysis = method == "textDocument/hover" || method == "textDocument/inlayHint" ||
                              method == "textDocument/codeAction";
  const Analysis& analysis = needs_analysis ? analysis_of(*document) : analyses_[uri];
  return answer->second(View(*document, documents_, analysis, encoding_), parameters);
}

} // namespace striate::lsp
