// Programs with a single typo, drawn from a seed: what a slip of the hand makes of a program that was right.
#pragma once

#include "frontend/lexer.h"
#include "support/random.h"

#include <string>
#include <vector>

namespace striate {

enum class Typo {
  CharacterDeleted,
  CharacterDoubled,
  CharactersSwapped,
  CharacterReplaced,
  TokenDeleted,
  NameMisspelt,
  BracketRemoved,
};
inline constexpr int kTypoCount = 7;
inline constexpr const char* kTypoNames[kTypoCount] = {
    "character deleted", "character doubled", "characters swapped", "character replaced",
    "token deleted",     "name misspelt",     "bracket removed"};

struct Mutant {
  std::string text;
  Typo typo = Typo::CharacterDeleted;
  int line = 0;
  std::string name; // of NameMisspelt: as it was
};

// A program and where its tokens are in it.
class MutatedProgram {
public:
  explicit MutatedProgram(std::string text) : text_(std::move(text)) {
    Diagnostics diagnostics;
    const TokenList list = lex("original.nn", text_, diagnostics);
    for (const Token& token : list.tokens) {
      if (token.kind == TokenKind::End) continue;
      const Piece piece{static_cast<std::size_t>(token.text.data() - text_.data()), token.text.size(),
                        token.line};
      tokens_.push_back(piece);
      // Nobody can tell which name of one or two letters was meant.
      if (token.kind == TokenKind::Name && token.text.size() >= 3) names_.push_back(piece);
      if (is_opener(token.kind) || is_closer(token.kind)) brackets_.push_back(piece);
      for (std::size_t i = 0; i < piece.length; ++i) characters_.push_back({piece.begin + i, 1, piece.line});
    }
  }
  MutatedProgram(const MutatedProgram&) = delete;

  // The same for the same number. The text may be the original: two equal letters swapped.
  Mutant draw(uint64_t seed, uint64_t number) const {
    const PhiloxCounter words = random_words(seed, number, 0, stream_of("mutant"));
    Mutant mutant;
    mutant.text = text_;
    mutant.typo = static_cast<Typo>(words[0] % kTypoCount);
    const std::vector<Piece>& places = mutant.typo == Typo::TokenDeleted     ? tokens_
                                       : mutant.typo == Typo::NameMisspelt   ? names_
                                       : mutant.typo == Typo::BracketRemoved ? brackets_
                                                                             : characters_;
    const Piece& place = places[words[1] % places.size()];
    mutant.line = place.line;
    switch (mutant.typo) {
    case Typo::TokenDeleted:
    case Typo::BracketRemoved:
      mutant.text.erase(place.begin, place.length);
      break;
    case Typo::NameMisspelt:
      mutant.name = text_.substr(place.begin, place.length);
      change_letter(mutant.text, static_cast<Typo>(words[2] % 4), place.begin + words[3] % (place.length - 1),
                    "abcdefghijklmnopqrstuvwxyz"[words[3] / 64 % 26]);
      break;
    default: {
      static constexpr std::string_view kOthers = "aeinorstxyz0123456789_.,;:()[]{}=+-*/<>\"'#!&|%$ ";
      change_letter(mutant.text, mutant.typo, place.begin, kOthers[words[2] % kOthers.size()]);
    }
    }
    return mutant;
  }

private:
  struct Piece {
    std::size_t begin, length;
    int line;
  };

  static void change_letter(std::string& text, Typo typo, std::size_t at, char other) {
    switch (typo) {
    case Typo::CharacterDeleted:
      text.erase(at, 1);
      break;
    case Typo::CharacterDoubled:
      text.insert(at, 1, text[at]);
      break;
    case Typo::CharactersSwapped:
      if (at + 1 < text.size() && text[at + 1] != '\n') std::swap(text[at], text[at + 1]);
      break;
    default:
      text[at] = other;
    }
  }

  std::string text_;
  std::vector<Piece> tokens_, names_, brackets_, characters_;
};

} // namespace striate
