#include "exchange/operator_map.h"

#include "frontend/parser.h"

#include <algorithm>
#include <charconv>

namespace striate {

static constexpr std::string_view kLine = "onnx: ";
static constexpr std::string_view kNothing = "onnx nothing: ";
static constexpr std::string_view kArguments = "onnx arguments: ";
static constexpr std::string_view kWritten = "written: ";

namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

// Where `mark` stands outside of brackets and quotes, from `begin` on.
std::size_t find_outside(std::string_view text, std::string_view mark, std::size_t begin = 0) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted) continue;
    if (depth == 0 && text.substr(i).starts_with(mark)) return i;
    if (text[i] == '(' || text[i] == '[' || text[i] == '{') ++depth;
    if (text[i] == ')' || text[i] == ']' || text[i] == '}') --depth;
  }
  return std::string_view::npos;
}

std::vector<std::string_view> parts_of(std::string_view text, std::string_view mark) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = find_outside(text, mark);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + mark.size());
  }
}

// What stands before `mark`, which is taken away with it from `text`'s end; nullopt where it does not stand
// there.
std::optional<std::string_view> take_behind(std::string_view& text, std::string_view mark) {
  const std::size_t at = find_outside(text, mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = trimmed(text.substr(at + mark.size()));
  text = trimmed(text.substr(0, at));
  return behind;
}

Result<ast::ExprPtr> expression(std::string_view text) {
  Diagnostics diagnostics;
  ast::ExprPtr expr = parse_expression("onnx line", std::string(text), diagnostics);
  if (!expr || diagnostics.has_errors()) return bad_data("`{}` is no expression", text);
  return expr;
}

Result<OnnxInputPattern> input_pattern(std::string_view text) {
  OnnxInputPattern input;
  if (const std::size_t bracket = text.find('['); bracket != std::string_view::npos) {
    for (std::string_view size : parts_of(text.substr(bracket + 1, text.size() - bracket - 2), ","))
      if (size == "1") ++input.ones;
    text = trimmed(text.substr(0, bracket));
  }
  const auto flag = [&](std::string_view mark) {
    if (!text.ends_with(mark)) return false;
    text.remove_suffix(mark.size());
    return true;
  };
  input.optional = flag("?");
  input.variadic = flag("..");
  input.transposed = flag("^T");
  if (text != "_" && !is_name(text)) return bad_data("`{}` is no input", text);
  input.name = text;
  return input;
}

Result<OnnxNodePattern> node_pattern(std::string_view text) {
  OnnxNodePattern node;
  const std::size_t bracket = text.find('(');
  node.op = trimmed(text.substr(0, bracket));
  if (!is_name(node.op) || bracket == std::string_view::npos || !text.ends_with(')'))
    return bad_data("`{}` is no node: write `Op(x, weight)`", text);
  const std::string_view inputs = text.substr(bracket + 1, text.size() - bracket - 2);
  if (trimmed(inputs).empty()) return node;
  for (std::string_view part : parts_of(inputs, ",")) {
    Result<OnnxInputPattern> input = input_pattern(part);
    if (!input) return input.failure();
    node.inputs.push_back(std::move(*input));
  }
  return node;
}

Result<OnnxEntry> entry_of(std::string_view text) {
  OnnxEntry entry;
  const auto fill = [](std::string_view part, ast::ExprPtr& place) -> Status {
    Result<ast::ExprPtr> expr = expression(part);
    if (!expr) return expr.failure();
    place = std::move(*expr);
    return {};
  };
  if (auto argument = take_behind(text, " -> ")) {
    entry.scales = argument->starts_with('*');
    if (entry.scales) argument->remove_prefix(1);
    if (!is_name(*argument)) return bad_data("`{}` is no argument", *argument);
    entry.argument = *argument;
  } else if (const auto required = take_behind(text, " is ")) {
    if (Status read = fill(*required, entry.required); !read) return read.failure();
  }
  std::string_view head = text;
  const auto otherwise = take_behind(head, " = ");
  const auto kind = take_behind(head, ": ");
  if (head.ends_with("[]")) {
    entry.list = true;
    head.remove_suffix(2);
  }
  if (!is_name(head) || head == "true" || head == "false") {
    if (Status read = fill(text, entry.expr); !read) return read.failure();
    return entry;
  }
  entry.name = head;
  if (otherwise)
    if (Status read = fill(*otherwise, entry.otherwise); !read) return read.failure();
  if (!kind) return entry;
  std::string_view word = *kind;
  if (const auto detour = take_behind(word, " else ")) {
    const std::size_t bracket = detour->find('(');
    if (bracket == std::string_view::npos || !detour->ends_with(')'))
      return bad_data("`else Op(value)` is meant");
    entry.detour = detour->substr(0, bracket);
    if (Status read = fill(detour->substr(bracket + 1, detour->size() - bracket - 2), entry.detour_value);
        !read)
      return read.failure();
  }
  if (!is_name(word)) return bad_data("`{}` is no kind", word);
  entry.kind = word;
  return entry;
}

} // namespace

Result<std::vector<OnnxEntry>> parse_onnx_entries(std::string_view text) {
  std::vector<OnnxEntry> entries;
  if (trimmed(text).empty()) return entries;
  for (std::string_view part : parts_of(text, ",")) {
    Result<OnnxEntry> entry = entry_of(part);
    if (!entry) return entry.failure();
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<OnnxLine> parse_onnx_line(std::string_view text) {
  OnnxLine line;
  text = trimmed(text);
  std::string_view options;
  // What stands behind the last `)` or `}`.
  if (const std::size_t end = text.find_last_of(")}"); end != std::string_view::npos) {
    options = trimmed(text.substr(end + 1));
    text = trimmed(text.substr(0, end + 1));
  }
  if (const auto then = take_behind(options, "then ")) {
    std::string_view view = *then;
    if (const auto times = take_behind(view, " * ")) line.times = *times;
    line.then = view;
  }
  if (const auto after = take_behind(options, "after ")) line.after = *after;
  if (const auto within = take_behind(options, "within ")) line.within = *within;
  if (const auto output = take_behind(options, "of output ")) {
    if (output->size() != 1 || (*output)[0] < '1' || (*output)[0] > '9')
      return bad_data("`{}` is no output but the first", *output);
    line.output = static_cast<std::size_t>((*output)[0] - '0');
  }
  if (options.ends_with("each output")) {
    line.each_output = true;
    options = trimmed(options.substr(0, options.size() - 11));
  } else if (options.ends_with("each")) {
    line.each = true;
    options = trimmed(options.substr(0, options.size() - 4));
  }
  for (auto [word, place] :
       {std::pair<std::string_view, int64_t*>{"before ", &line.before}, {"since ", &line.since}})
    if (const auto number = take_behind(options, word)) {
      const auto [end, problem] = std::from_chars(number->data(), number->data() + number->size(), *place);
      if (problem != std::errc() || end != number->data() + number->size())
        return bad_data("`{}` is no version", *number);
    }
  if (!options.empty()) return bad_data("`{}` is not understood", options);
  if (const std::size_t braces = find_outside(text, "{"); braces != std::string_view::npos) {
    if (!text.ends_with('}')) return bad_data("a `}}` is missing");
    Result<std::vector<OnnxEntry>> entries =
        parse_onnx_entries(text.substr(braces + 1, text.size() - braces - 2));
    if (!entries) return entries.failure();
    line.entries = std::move(*entries);
    text = trimmed(text.substr(0, braces));
  }
  for (std::string_view part : parts_of(text, " -> ")) {
    Result<OnnxNodePattern> node = node_pattern(part);
    if (!node) return node.failure();
    line.chain.push_back(std::move(*node));
  }
  return line;
}

OperatorMap::OperatorMap(const Library& library) {
  for (const ast::ItemKind kind : {ast::ItemKind::Layer, ast::ItemKind::Op})
    for (const ast::Item* item : library.items(kind)) {
      std::vector<OnnxEntry> shared;
      for (const std::string& text : comment_lines(*item))
        if (text.starts_with(kArguments)) {
          Result<std::vector<OnnxEntry>> entries = parse_onnx_entries(text.substr(kArguments.size()));
          CHECK(entries.ok(), "{}: {}", item->name, entries.failure().message);
          shared.insert(shared.end(), entries->begin(), entries->end());
        }
      for (const std::string& text : comment_lines(*item)) {
        const bool nothing = text.starts_with(kNothing);
        if (!nothing && !text.starts_with(kLine)) continue;
        Result<OnnxLine> line = parse_onnx_line(text.substr(nothing ? kNothing.size() : kLine.size()));
        CHECK(line.ok(), "{}: {}", item->name, line.failure().message);
        line->item = item;
        line->nothing = nothing;
        if (!nothing) line->entries.insert(line->entries.end(), shared.begin(), shared.end());
        lines_of_[item].push_back(*line);
        const std::string op = line->chain[0].op;
        lines_[op].push_back(std::move(*line));
      }
    }
  // What needs no call at all is tried first.
  for (auto& [op, lines] : lines_) std::ranges::stable_partition(lines, &OnnxLine::nothing);
}

const std::vector<OnnxLine>& OperatorMap::lines(std::string_view op) const {
  static const std::vector<OnnxLine> none;
  const auto found = lines_.find(op);
  return found == lines_.end() ? none : found->second;
}

std::vector<OnnxLine> OperatorMap::lines_of(const ast::Item& item) const {
  const auto found = lines_of_.find(&item);
  return found == lines_of_.end() ? std::vector<OnnxLine>() : found->second;
}

std::string OperatorMap::sign_of(const ast::Item& item) {
  for (const std::string& line : comment_lines(item))
    if (line.starts_with(kWritten)) return line.substr(kWritten.size());
  return "";
}

} // namespace striate
