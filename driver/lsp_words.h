// The words of the language that no file defines: what editors offer and say of them. Guarantees: each word
// that begins an item or a statement, each reserved word, each setting of `train` and each reader is among
// them (shown by tests/driver/lsp_words_test.cpp).
#pragma once

#include <string_view>
#include <vector>

namespace striate::lsp {

struct Word {
  enum class Kind {
    Item,      // begins an item
    Statement, // begins a statement
    Setting,   // is given a value in `train`
    Control,   // a reserved word
    Type,      // stands behind `:`
    Function,  // of numbers and elements
    Reducer,   // of index notation
    Reader,    // of data files
    Field,     // in a field
    Division,  // behind a reader
    Schedule,  // in a rate that changes
  };
  Kind kind;
  std::string_view word;
  std::string_view meaning; // a line of Markdown
};

const std::vector<Word>& words();
// Of one text, the first of these kinds that has it; nullptr where none has.
const Word* find_word(std::string_view word, const std::vector<Word::Kind>& kinds);

} // namespace striate::lsp
