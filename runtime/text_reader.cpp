// Text as windows of character numbers.
#include "runtime/data_readers.h"

#include "runtime/files.h"
#include "runtime/utf8.h"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace striate {

namespace {

struct Corpus {
  std::vector<int32_t> characters;
  std::vector<int64_t> starts; // of the windows
};

// The windows, begun `offset` characters later.
class WindowSource : public ExampleSource {
public:
  WindowSource(std::shared_ptr<const Corpus> corpus, int64_t window, int64_t offset)
      : corpus_(std::move(corpus)), shape_{window}, offset_(offset) {}

  ElementType element() const override { return ElementType::I32; }
  const std::vector<int64_t>& example_shape() const override { return shape_; }
  int64_t rows() const override { return static_cast<int64_t>(corpus_->starts.size()); }
  Result<std::shared_ptr<const Tensor>> fetch(std::span<const int64_t> rows) override {
    auto batch = std::make_shared<Tensor>(ElementType::I32,
                                          std::vector<int64_t>{static_cast<int64_t>(rows.size()), shape_[0]});
    int32_t* to = batch->as<int32_t>().data();
    for (int64_t row : rows)
      to = std::copy_n(corpus_->characters.begin() + corpus_->starts.at(static_cast<std::size_t>(row)) +
                           offset_,
                       shape_[0], to);
    return std::shared_ptr<const Tensor>(std::move(batch));
  }

private:
  std::shared_ptr<const Corpus> corpus_;
  std::vector<int64_t> shape_;
  int64_t offset_;
};

} // namespace

Result<std::vector<std::string_view>> characters_of(std::string_view text, const std::string& name) {
  std::vector<std::string_view> characters;
  int64_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character character = first_character(text.substr(at));
    if (character.bytes == 0)
      return bad_data("{}:{}:{}: this byte (0x{:02x}) is not UTF-8", name, line, at - line_start + 1,
                      static_cast<uint8_t>(text[at]));
    characters.push_back(text.substr(at, character.bytes));
    at += character.bytes;
    if (character.code == '\n') {
      ++line;
      line_start = at;
    }
  }
  return characters;
}

Result<std::vector<int32_t>> character_numbers(std::string_view text, const std::string& name,
                                               const DataFit& fit) {
  std::unordered_map<std::string_view, int32_t> numbers;
  for (const std::string& character : fit.characters)
    numbers.emplace(character, static_cast<int32_t>(numbers.size()));
  const Result<std::vector<std::string_view>> characters = characters_of(text, name);
  if (!characters) return characters.failure();
  std::vector<int32_t> result;
  result.reserve(characters->size());
  for (std::string_view character : *characters) {
    const auto number = numbers.find(character);
    if (number == numbers.end()) {
      const std::string_view before =
          text.substr(0, static_cast<std::size_t>(character.data() - text.data()));
      const std::size_t newline = before.rfind('\n');
      return bad_data("{}:{}:{}: the character `{}` does not occur in the training text", name,
                      1 + std::ranges::count(before, '\n'),
                      before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1, character);
    }
    result.push_back(number->second);
  }
  return result;
}

Result<Table> read_text(const std::vector<std::string>& paths, int64_t window, int64_t stride, DataFit& fit) {
  CHECK(window >= 1 && stride >= 1);
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    Result<std::string> text = read_file(path);
    if (!text) return text.failure();
    texts.push_back(std::move(*text));
  }
  if (fit.characters.empty()) {
    // Bytes of UTF-8 sort as code points do.
    std::set<std::string_view> known;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const Result<std::vector<std::string_view>> characters = characters_of(texts[i], paths[i]);
      if (!characters) return characters.failure();
      known.insert(characters->begin(), characters->end());
    }
    fit.characters.assign(known.begin(), known.end());
  }
  auto corpus = std::make_shared<Corpus>();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Result<std::vector<int32_t>> numbers = character_numbers(texts[i], paths[i], fit);
    if (!numbers) return numbers.failure();
    const auto begin = static_cast<int64_t>(corpus->characters.size());
    const auto count = static_cast<int64_t>(numbers->size());
    if (count <= window)
      return bad_data("`{}` has {} characters; a window of {} needs {} at least", paths[i], count, window,
                      window + 1);
    for (int64_t start = 0; start + window < count; start += stride) corpus->starts.push_back(begin + start);
    corpus->characters.insert(corpus->characters.end(), numbers->begin(), numbers->end());
  }
  Table table;
  table.columns.push_back({"characters", {}, std::make_shared<WindowSource>(corpus, window, 0)});
  table.columns.push_back({"next", {}, std::make_shared<WindowSource>(corpus, window, 1)});
  return table;
}

} // namespace striate
