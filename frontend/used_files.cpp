#include "frontend/used_files.h"

#include "frontend/parser.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace striate {

static constexpr std::size_t kFileLimit = 1000;

void add_used_files(ast::File& file, const FileReader& read, std::string& texts, Diagnostics& diagnostics) {
  using Path = std::filesystem::path;
  const Path root = Path(file.name).parent_path().lexically_normal();
  std::set<std::string> seen = {Path(file.name).lexically_normal().string()};
  for (std::size_t i = 0; i < file.items.size(); ++i) {
    if (file.items[i].kind != ast::ItemKind::Use) continue;
    const ast::Item use = file.items[i]; // the list grows below
    const Path path = (Path(use.location.file).parent_path() / use.name).lexically_normal();
    const Path inside = root.empty() ? path : path.lexically_relative(root);
    if (Path(use.name).is_absolute() || inside.empty() || *inside.begin() == ".." ||
        path.extension() != ".nn") {
      diagnostics
          .error(Diagnostic::BadValue, use.location, "`{}` is not a `.nn` file inside the program's folder",
                 use.name)
          .note("a path is relative to the file that uses it, and does not leave the folder of the program");
      continue;
    }
    if (!seen.insert(path.string()).second) continue;
    if (seen.size() > kFileLimit) {
      diagnostics.error(Diagnostic::TooMuchWork, use.location, "more than {} files are used", kFileLimit);
      return;
    }
    const Result<std::string> text = read(path.string());
    if (!text) {
      diagnostics.error(Diagnostic::BadValue, use.location, "`{}` cannot be used: {}", use.name,
                        text.failure().message);
      continue;
    }
    texts += *text;
    ast::File used = parse(path.string(), *text, diagnostics);
    for (ast::Item& item : used.items) {
      if (item.kind == ast::ItemKind::Train)
        diagnostics.error(Diagnostic::Misplaced, item.location, "a `train` in a file that is used by another")
            .note_at(use.location, "used here")
            .help("put what is shared into a file without `train`");
      else
        file.items.push_back(std::move(item));
    }
  }
}

} // namespace striate
