#include "driver/description.h"

#include "support/version.h"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace striate {

static constexpr const char* kChoices = "choices:";

std::string joined_choices(const std::vector<std::string>& words) {
  return fmt::format("{}{}", kChoices, fmt::join(words, " "));
}

static std::vector<std::string> choices_of(CLI::Option& option) {
  std::vector<std::string> words;
  try {
    std::string name = option.get_validator(0)->get_name();
    if (!name.starts_with(kChoices)) return {};
    std::istringstream list(name.substr(std::string_view(kChoices).size()));
    for (std::string word; list >> word;) words.push_back(word);
  } catch (const CLI::OptionNotFound&) { // how the parser says that there is none
  }
  return words;
}

static ArgumentDescription describe(CLI::Option& option) {
  ArgumentDescription argument;
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  const bool is_flag = option.get_items_expected_max() == 0;
  if (!is_flag) argument.value = option.get_type_name();
  argument.meaning = option.get_description();
  argument.choices = choices_of(option);
  // The program is missed by the commands themselves, which then say how they are called.
  argument.required = option.get_required() || option.check_name("file");
  argument.optional_value = !is_flag && option.get_expected_min() == 0 && !argument.is_positional();
  argument.repeated = option.get_items_expected_max() > 1;
  return argument;
}

CommandLineDescription describe(CLI::App& app) {
  CommandLineDescription description;
  description.name = app.get_name();
  description.version = kVersion;
  description.meaning = app.get_description();
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    CommandDescription described;
    described.name = command->get_name();
    described.other_names = command->get_aliases();
    described.meaning = command->get_description();
    for (CLI::Option* option : command->get_options([](CLI::Option*) { return true; }))
      described.arguments.push_back(describe(*option));
    description.commands.push_back(std::move(described));
  }
  return description;
}

std::vector<ArgumentDescription> CommandLineDescription::common() const {
  std::vector<ArgumentDescription> list;
  if (commands.empty()) return list;
  for (const ArgumentDescription& argument : commands[0].arguments)
    if (std::ranges::all_of(commands, [&](const CommandDescription& command) {
          return std::ranges::find(command.arguments, argument) != command.arguments.end();
        }))
      list.push_back(argument);
  return list;
}

FileKind file_kind(const ArgumentDescription& argument) {
  const std::string& value = argument.value;
  if (value == "DIR") return FileKind::Folder;
  if (value == "FILE.nn") return FileKind::Program;
  if (value == "FILE.sir") return FileKind::Graph;
  return value == "FILE" ? FileKind::Any : FileKind::None;
}

} // namespace striate
