// What editors offer is what the language has.

#include "driver/lsp_words.h"

#include "driver/lsp_outline.h"
#include "frontend/data_readers.h"
#include "frontend/parser.h"
#include "frontend/train_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace striate::lsp {
namespace {

using Kind = Word::Kind;

std::vector<std::string> words_of(Kind kind) {
  std::vector<std::string> list;
  for (const Word& word : words())
    if (word.kind == kind) list.emplace_back(word.word);
  std::ranges::sort(list);
  return list;
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

TEST(LspWords, AreThoseOfTheLanguage) {
  std::vector<std::string> items, statements;
  for (int i = 0; i <= static_cast<int>(ast::ItemKind::Train); ++i) {
    const auto kind = static_cast<ast::ItemKind>(i);
    items.emplace_back(word_of(kind));
    for (const std::string& word : statement_words(kind)) statements.push_back(word);
  }
  EXPECT_EQ(words_of(Kind::Item), sorted(items));
  // `return` is reserved, and so it is among those words.
  std::erase(statements, "return");
  std::vector<std::string> known = words_of(Kind::Statement);
  std::erase(known, "return");
  EXPECT_EQ(known, sorted(statements));
  EXPECT_EQ(words_of(Kind::Setting), sorted(train_settings()));
  EXPECT_EQ(words_of(Kind::Reader), sorted(reader_names()));
  const std::vector<std::string> reserved = {
#define TOKEN(kind, spelling)
#define RESERVED_WORD(kind, spelling) spelling,
#include "frontend/token_list.def"
#undef RESERVED_WORD
#undef TOKEN
  };
  EXPECT_EQ(words_of(Kind::Control), sorted(reserved));
}

TEST(LspWords, EachHasAMeaning) {
  for (const Word& word : words()) {
    EXPECT_FALSE(word.meaning.empty()) << word.word;
    EXPECT_EQ(word.meaning.find('\n'), std::string_view::npos) << word.word;
  }
}

} // namespace
} // namespace striate::lsp
