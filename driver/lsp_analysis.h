// What `striate check` says of a text, and what elaboration found out on the way.
//
// The work is done in a process of its own: a bug, a crash, or a text that takes too long costs one analysis
// and not the server. What is learnt of data files is handed back and remembered until one of them changes,
// so that they are not read at every key that is pressed. Shown by tests/driver/lsp_test.py.
#pragma once

#include "driver/lsp_documents.h"
#include "frontend/elaborate.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace striate::lsp {

inline constexpr std::chrono::seconds kAnalysisLimit{10};

// Some place of a text, and all that was found there, in order and each once.
struct PlaceFindings {
  Finding::Kind kind = Finding::Kind::Value;
  SourceLocation place;
  std::vector<std::string> texts;
};

struct Analysis {
  std::vector<nlohmann::json> diagnostics; // as --diagnostics=json prints them
  std::vector<PlaceFindings> findings;     // of the text itself
  std::string problem;                     // why there is no analysis, or ""
};

class Analyser {
public:
  Analysis analyse(const Document& document, const Documents& documents);

private:
  std::map<std::string, std::string> known_data_; // questions about data files -> answers, as JSON texts
};

} // namespace striate::lsp
