// Pairs the brackets of a token list. Assumes the last token is End. Guarantees: brackets nest and match. A
// missing closer is reported at its opener and put in where the text shows that it was forgotten (a line that
// can only begin a statement, an item at the left margin, a `}` further left than its `{`); a stray one is
// reported and left out. Brackets that all match are taken as they stand, however the text is laid out.
#pragma once

#include "frontend/token.h"
#include "support/diagnostics.h"

#include <string>
#include <vector>

namespace striate {

std::vector<Token> match_brackets(const std::string& file, const std::vector<Token>& tokens,
                                  Diagnostics& diagnostics);

} // namespace striate
