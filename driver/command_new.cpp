// striate new: a folder with a whole program to start from, and the data it needs where that is bundled.

#include "driver/commands.h"
#include "driver/program.h"
#include "driver/templates.h"
#include "runtime/files.h"

#include <algorithm>
#include <filesystem>

namespace striate {

static constexpr std::string_view kPlaceholder = "@NAME@";

static bool is_program_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '-' && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

static std::string filled_in(std::string text, const std::string& name) {
  for (std::size_t at = text.find(kPlaceholder); at != std::string::npos;
       at = text.find(kPlaceholder, at + name.size()))
    text.replace(at, kPlaceholder.size(), name);
  return text;
}

static Status write_files(const std::filesystem::path& folder, const std::vector<TemplateFile>& files) {
  for (const TemplateFile& file : files)
    if (Status written = write_file_safely((folder / file.name).string(), file.text); !written)
      return written;
  return {};
}

int command_new(const Options& options) {
  std::filesystem::path folder = options.name;
  if (!folder.has_filename()) folder = folder.parent_path(); // `net/`
  const std::string name = folder.filename().string();
  if (!is_program_name(name))
    return report(
        {ExitCode::Usage,
         fmt::format("`{}` is no name for a program: take letters, digits, `_` and `-`", options.name)});
  const auto chosen = std::ranges::find(program_templates(), options.program + ".nn", &TemplateFile::name);
  CHECK(chosen != program_templates().end(), "{}", options.program);
  std::vector<TemplateFile> files = {{name + ".nn", filled_in(chosen->text, name)}};
  // The data that is named after the program's template.
  for (const TemplateFile& data : template_data())
    if (data.name.starts_with(options.program + ".")) files.push_back(data);

  if (folder.has_parent_path())
    if (Status made = create_folders(folder.parent_path().string()); !made) return report(made.failure());
  std::error_code error;
  if (!std::filesystem::create_directory(folder, error)) {
    if (error && !std::filesystem::exists(folder))
      return report(bad_data("cannot create `{}`: {}", folder.string(), error.message()));
    return report(bad_data("`{}` is there already, and nothing is written into it", folder.string()));
  }
  if (Status written = write_files(folder, files); !written) {
    std::filesystem::remove_all(folder, error);
    return report(written.failure());
  }
  for (const TemplateFile& file : files) fmt::print("{}\n", (folder / file.name).string());
  const std::string program = (folder / (name + ".nn")).string();
  if (files.size() > 1)
    fmt::print(stderr, "`striate train {}` trains it\n", program);
  else
    fmt::print(stderr, "the comment at the top of {} says which data it needs\n", program);
  return 0;
}

} // namespace striate
