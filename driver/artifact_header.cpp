#include "driver/artifact_header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <set>

namespace striate {

std::string c_identifier(const std::string& name) {
  std::string identifier;
  for (char character : name) {
    const bool fits = std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_';
    identifier += fits ? character : '_';
  }
  if (identifier.empty() || std::isdigit(static_cast<unsigned char>(identifier[0])))
    identifier.insert(0, "_");
  // C99's and C++'s words that a value may be called by.
  static const std::set<std::string> kWords = {
      "auto",     "bool",     "break",    "case",   "catch",    "char",     "class",     "const",
      "continue", "default",  "delete",   "do",     "double",   "else",     "enum",      "extern",
      "false",    "float",    "for",      "goto",   "if",       "inline",   "int",       "long",
      "new",      "operator", "or",       "and",    "not",      "private",  "public",    "register",
      "restrict", "return",   "short",    "signed", "sizeof",   "static",   "struct",    "switch",
      "this",     "throw",    "true",     "try",    "typedef",  "union",    "unsigned",  "using",
      "virtual",  "void",     "volatile", "while",  "template", "typename", "namespace", "protected",
      "friend",   "explicit", "export",   "xor"};
  return kWords.contains(identifier) ? identifier + "_" : identifier;
}

namespace {

// A text within a comment, which must not end there.
std::string in_comment(std::string text) {
  for (std::size_t at = 0; (at = text.find("*/", at)) != std::string::npos;) text.insert(at + 1, " ");
  return text;
}

class Header {
public:
  Header(const Artifact& artifact, const ArtifactDescription& description)
      : artifact_(artifact), description_(description), net_(artifact.prefix), macro_(net_) {
    std::ranges::transform(macro_, macro_.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }

  std::string text() {
    add("/* {}, compiled by Striate for {}:\n *   {}\n *\n", in_comment(description_.title), description_.cpu,
        in_comment(description_.command));
    add(" * Nothing is allocated, and there is no state but the workspace: {}_WORKSPACE_BYTES bytes of the "
        "caller's,\n"
        " * aligned to {}_WORKSPACE_ALIGNMENT. Calls on different workspaces may run at once. Arrays are "
        "dense, the\n"
        " * last dimension innermost; inputs hold what the data has, before what the program does to its "
        "fields. */\n",
        macro_, macro_);
    add("#ifndef {0}_H\n#define {0}_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\n"
        "extern \"C\" {{\n#endif\n\n",
        macro_);
    add("#define {}_WORKSPACE_BYTES {}\n#define {}_WORKSPACE_ALIGNMENT 64\n", macro_,
        description_.workspace_bytes, macro_);
    add("#define {}_MAX_EXAMPLES {} /* of a call */\n", macro_, artifact_.capacity);
    add("#define {}_FILE_BYTES {} /* of what {}_save writes */\n\n", macro_, file_bytes(), net_);
    add("/* What functions return. */\n#define {0}_OK {1}\n#define {0}_BAD_EXAMPLES {2} /* less than 1, or "
        "more than "
        "{0}_MAX_EXAMPLES */\n#define {0}_BAD_FILE {3} /* not a file of this model's {4}_save */\n\n",
        macro_, kArtifactOk, kArtifactBadExamples, kArtifactBadFile, net_);

    if (artifact_.versions.size() > 1) add_versions();
    add_threads();
    if (takes_settings()) add_settings();
    add_weights();
    for (const ArtifactEntry& entry : artifact_.entries) add_entry(entry);
    add("#ifdef __cplusplus\n}}\n#endif\n\n#endif\n");
    return text_;
  }

private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...);
  }

  bool takes_settings() const {
    return std::ranges::any_of(artifact_.entries, &ArtifactEntry::takes_settings);
  }

  int64_t file_bytes() const {
    int64_t bytes = std::ssize(artifact_.file_header);
    for (const Placement& placement : artifact_.persistents)
      bytes += std::accumulate(placement.shape.begin(), placement.shape.end(), byte_size(placement.element),
                               std::multiplies<>());
    return bytes;
  }

  void add_versions() {
    std::vector<std::string> names;
    for (const ArtifactVersion& version : artifact_.versions)
      names.push_back(fmt::format("{} {}", names.size(), version.target.name));
    add("/* The code is there for several CPUs: {0}. The last one that this machine can run is\n"
        " * taken, unless {1}_use_version says which (-1: the last one again); all give the same bits. That\n"
        " * choice is the one thing that calls share: make it before others run. */\n"
        "#define {2}_BAD_VERSION {3} /* this machine cannot run it, or there is none */\n"
        "int {1}_version(void);\nint {1}_use_version(int version);\n\n",
        fmt::join(names, ", "), net_, macro_, kArtifactBadVersion);
  }

  void add_threads() {
    add("/* Threads are the caller's: parallel_for(pool, extent, task, context) calls task(context, begin, "
        "end) for\n"
        " * disjoint ranges that together are [0, extent), on any threads, and returns when all have "
        "returned. NULL in\n"
        " * place of a {0}_threads: all work is done by the calling thread. Results are the same bits either "
        "way. */\n"
        "typedef void (*{0}_task)(void *context, int64_t begin, int64_t end);\n"
        "typedef struct {0}_threads {{\n"
        "  void (*parallel_for)(void *pool, int64_t extent, {0}_task task, void *context);\n"
        "  void *pool;\n"
        "}} {0}_threads;\n\n",
        net_);
  }

  void add_settings() {
    add("/* What may differ from update to update. {}_SETTINGS has the program's values; where the program "
        "has a\n"
        " * schedule, the caller computes the rate. */\ntypedef struct {}_settings {{\n"
        "  uint64_t seed; /* of random draws: the same one for all updates */\n"
        "  int64_t step;  /* the number of this update, from 1 */\n"
        "  int64_t epoch; /* how many epochs are finished before it */\n",
        macro_, net_);
    std::string values = "1, 1, 0";
    for (std::size_t k = 0; k < artifact_.settings.size(); ++k) {
      add("  double {};\n", c_identifier(artifact_.settings[k]));
      values += fmt::format(", {}", description_.settings[k]);
    }
    add("}} {}_settings;\n#define {}_SETTINGS {{{}}}\n\n", net_, macro_, values);
  }

  void add_weights() {
    if (artifact_.versions[0].init)
      add("/* Parameters and states before the first step, drawn from the seed. */\nvoid {}_init(void "
          "*workspace, "
          "uint64_t seed);\n\n",
          net_);
    if (!artifact_.weights.empty())
      add("/* The weights that were built in{}. */\nvoid {}_load_trained(void *workspace);\n\n",
          artifact_.versions[0].init ? ", after an init" : ": once, before anything else", net_);
    add("/* Parameters and states as a safetensors file in memory, of {}_FILE_BYTES bytes; and back, from "
        "such a\n"
        " * file alone (it may be mapped). */\nvoid {}_save(const void *workspace, void *file);\n"
        "int {}_load(void *workspace, const void *file, uint64_t bytes);\n\n",
        macro_, net_, net_);
  }

  static const char* c_type(ElementType element) {
    switch (element) {
    case ElementType::F32:
      return "float";
    case ElementType::F64:
      return "double";
    case ElementType::I32:
      return "int32_t";
    case ElementType::BF16:
      return "uint16_t";
    case ElementType::U8:
    case ElementType::Bool:
      break;
    }
    return "uint8_t";
  }

  // "[examples][1][28][28]"
  static std::string shape_text(const Placement& placement) {
    std::string text;
    for (std::size_t d = 0; d < placement.shape.size(); ++d)
      text += d == 0 && placement.batch ? "[examples]" : fmt::format("[{}]", placement.shape[d]);
    return text.empty() ? "a number" : text;
  }

  void add_entry(const ArtifactEntry& entry) {
    const char* meaning = entry.name == "run"
                              ? "Applies the model to any number of examples up to MAX_EXAMPLES."
                          : entry.name == "eval" ? "The same in evaluation mode: nothing changes."
                                                 : "One update of all trained parameters.";
    add("/* {} Outputs that are NULL are left out{}.\n", meaning,
        entry.name == "eval" ? ", and so may be inputs that the\n * wanted outputs do not depend on" : "");
    std::vector<std::string> arguments = {"void *workspace"};
    if (entry.takes_settings) arguments.push_back(fmt::format("const {}_settings *settings", net_));
    arguments.push_back("int64_t examples");
    const auto list = [&](const std::vector<Placement>& placements, const char* qualifier) {
      for (const Placement& placement : placements) {
        add(" *   {}: {}{}\n", c_identifier(placement.name), c_type(placement.element),
            shape_text(placement));
        arguments.push_back(
            fmt::format("{}{} *{}", qualifier, c_type(placement.element), c_identifier(placement.name)));
      }
    };
    list(entry.inputs, "const ");
    list(entry.outputs, "");
    arguments.push_back(fmt::format("const {}_threads *threads", net_));
    const std::string head = fmt::format("int {}_{}(", net_, entry.name);
    std::string line = fmt::format("{}{});", head, fmt::join(arguments, ", "));
    constexpr std::size_t kWidth = 110;
    if (line.size() > kWidth)
      line = fmt::format("{}{});", head, fmt::join(arguments, ",\n" + std::string(head.size(), ' ')));
    add(" */\n{}\n\n", line);
  }

  const Artifact& artifact_;
  const ArtifactDescription& description_;
  std::string net_, macro_, text_;
};

} // namespace

std::string artifact_header(const Artifact& artifact, const ArtifactDescription& description) {
  return Header(artifact, description).text();
}

} // namespace striate
