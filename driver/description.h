// The command line as plain data, read from the parser that understands it: what completions and the manual
// page are made of, so that they always say what the program does. Shown by tests/driver/completions_test.py,
// man_test.py.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace striate {

struct ArgumentDescription {
  std::vector<std::string> names; // "--threads", "-j"; none where it is known by its place
  std::string value;              // "FILE.nn", "DIR", "N"; "" of a flag
  std::string meaning;
  std::vector<std::string> choices; // the words that it may be; none: anything
  bool required = false;
  bool optional_value = false; // `--resume [FILE]`
  bool repeated = false;       // several, or several times

  bool is_positional() const { return names.empty(); }
  bool operator==(const ArgumentDescription&) const = default;
};

struct CommandDescription {
  std::string name;
  std::vector<std::string> other_names;
  std::string meaning;
  std::vector<ArgumentDescription> arguments;
};

struct CommandLineDescription {
  std::string name;
  std::string version;
  std::string meaning;
  std::vector<CommandDescription> commands;

  // Arguments of every command.
  std::vector<ArgumentDescription> common() const;
};

// What kind of file an argument takes; the way its value is written says so.
enum class FileKind { None, Any, Folder, Program, Graph };
FileKind file_kind(const ArgumentDescription& argument);

// The words that an argument may be are kept in the parser where it checks them.
std::string joined_choices(const std::vector<std::string>& words);
CommandLineDescription describe(CLI::App& app);

std::string bash_completion(const CommandLineDescription& description);
std::string zsh_completion(const CommandLineDescription& description);
std::string fish_completion(const CommandLineDescription& description);
std::string man_page(const CommandLineDescription& description); // roff, with the macros of man(7)

} // namespace striate
