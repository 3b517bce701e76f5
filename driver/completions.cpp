// Completion scripts for shells. Each is whole in itself and asks nothing of the program when it runs.
#include "driver/description.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace striate {

static std::string pattern_of(const CommandDescription& command) {
  std::string pattern = command.name;
  for (const std::string& name : command.other_names) pattern += "|" + name;
  return pattern;
}

static std::vector<std::string> command_names(const CommandLineDescription& description) {
  std::vector<std::string> names;
  for (const CommandDescription& command : description.commands) {
    names.push_back(command.name);
    names.insert(names.end(), command.other_names.begin(), command.other_names.end());
  }
  return names;
}

static std::vector<const ArgumentDescription*> positional(const CommandDescription& command) {
  std::vector<const ArgumentDescription*> list;
  for (const ArgumentDescription& argument : command.arguments)
    if (argument.is_positional()) list.push_back(&argument);
  return list;
}

// ---- bash

// What completes a value; "" where nothing can be known.
static std::string bash_value(const ArgumentDescription& argument) {
  if (!argument.choices.empty()) return fmt::format("_striate_words '{}'", fmt::join(argument.choices, " "));
  switch (file_kind(argument)) {
  case FileKind::Any:
    return "_striate_files ''";
  case FileKind::Folder:
    return "_striate_folders";
  case FileKind::Program:
    return "_striate_files .nn";
  case FileKind::Graph:
    return "_striate_files .sir";
  case FileKind::None:
    break;
  }
  return "";
}

std::string bash_completion(const CommandLineDescription& description) {
  std::string script = R"(# Completion of striate for bash: source <(striate completions bash)

_striate_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_striate_folders() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_striate_files() {
    local name
    _striate_folders
    while IFS= read -r name; do
        [[ $name == *"$1" && ! -d $name ]] && COMPREPLY+=("$name")
    done < <(compgen -f -- "$cur")
}

_striate() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} flags=
    local i place=0
    COMPREPLY=()
    # Bash takes `--flag=value` for three words.
    if [[ $cur == '=' ]]; then
        cur=
    elif [[ $before == '=' ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if ((COMP_CWORD == 1)); then
        _striate_words '@COMMANDS@ --help --version'
        return
    fi
    # How many words that are no flags stand before this one; a flag's own value counts for none.
    for ((i = 2; i < COMP_CWORD; ++i)); do
        case ${COMP_WORDS[i]} in
            =) ((++i)) ;;
            @VALUED@) [[ ${COMP_WORDS[i+1]} == '=' ]] || ((++i)) ;;
            -?*) ;;
            *) ((++place)) ;;
        esac
    done
    case $command in
)";
  std::vector<std::string> valued;
  for (const CommandDescription& command : description.commands) {
    std::vector<std::string> flags;
    std::string values;
    for (const ArgumentDescription& argument : command.arguments) {
      if (argument.is_positional()) continue;
      flags.insert(flags.end(), argument.names.begin(), argument.names.end());
      if (argument.value.empty()) continue;
      if (!argument.optional_value) valued.insert(valued.end(), argument.names.begin(), argument.names.end());
      const std::string action = bash_value(argument);
      values += fmt::format("                {}) {}; return ;;\n", fmt::join(argument.names, "|"),
                            action.empty() ? ":" : action);
    }
    script +=
        fmt::format("        {})\n            flags='{}'\n            case $before in\n{}            esac\n",
                    pattern_of(command), fmt::join(flags, " "), values);
    std::string places;
    const auto list = positional(command);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string action = bash_value(*list[i]);
      if (action.empty()) continue;
      const std::string number = list[i]->repeated ? "*" : std::to_string(i);
      places += fmt::format("                {}) {} ;;\n", number, action);
    }
    if (!places.empty())
      script += fmt::format("            [[ $cur == -* ]] || case $place in\n{}            esac\n", places);
    script += "            ;;\n";
  }
  script += R"(        *) return ;;
    esac
    [[ $cur == -* ]] && _striate_words "$flags"
}

complete -F _striate striate
)";
  std::ranges::sort(valued);
  valued.erase(std::unique(valued.begin(), valued.end()), valued.end());
  const auto fill = [&](const std::string& what, const std::string& text) {
    script.replace(script.find(what), what.size(), text);
  };
  fill("@COMMANDS@", fmt::format("{}", fmt::join(command_names(description), " ")));
  fill("@VALUED@", fmt::format("{}", fmt::join(valued, "|")));
  return script;
}

// ---- zsh

static std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

static std::string zsh_value(const ArgumentDescription& argument) {
  if (!argument.choices.empty()) return fmt::format("({})", fmt::join(argument.choices, " "));
  switch (file_kind(argument)) {
  case FileKind::Any:
    return "_files";
  case FileKind::Folder:
    return "_files -/";
  case FileKind::Program:
    return "_files -g \"*.nn\"";
  case FileKind::Graph:
    return "_files -g \"*.sir\"";
  case FileKind::None:
    break;
  }
  return " ";
}

static std::string zsh_arguments(const CommandDescription& command) {
  std::string text;
  for (const ArgumentDescription& argument : command.arguments) {
    const std::string value = fmt::format("{}:{}", escaped(argument.value, ":"), zsh_value(argument));
    if (argument.is_positional()) {
      text += fmt::format(" \\\n                '{}:{}'", argument.repeated ? "*" : "", value);
      continue;
    }
    const std::string meaning = escaped(argument.meaning, "[]\\");
    for (const std::string& name : argument.names) {
      // Long names take `=`, short ones the next word.
      const char* joint = argument.value.empty() ? "" : name.starts_with("--") ? "=" : "";
      const std::string rest = argument.value.empty() ? "" : (argument.optional_value ? "::" : ":") + value;
      text += fmt::format(" \\\n                '{}{}{}[{}]{}'", argument.repeated ? "*" : "", name, joint,
                          meaning, rest);
    }
  }
  return text;
}

std::string zsh_completion(const CommandLineDescription& description) {
  std::string script = R"(#compdef striate
# Completion of striate for zsh: striate completions zsh > "${fpath[1]}/_striate"

_striate() {
    local -a commands
    commands=(
)";
  for (const CommandDescription& command : description.commands) {
    std::vector<std::string> names = {command.name};
    names.insert(names.end(), command.other_names.begin(), command.other_names.end());
    for (const std::string& name : names)
      script += fmt::format("        '{}:{}'\n", name, escaped(command.meaning, ":\\"));
  }
  script += R"(    )
    if ((CURRENT == 2)); then
        _describe command commands
        _arguments '--help[show the commands]' '--version[show the version]'
        return
    fi
    local command=$words[2]
    shift words
    ((--CURRENT))
    case $command in
)";
  for (const CommandDescription& command : description.commands)
    script += fmt::format("        {})\n            _arguments -s{} ;;\n", pattern_of(command),
                          zsh_arguments(command));
  script += R"(    esac
}

if [[ $funcstack[1] == _striate ]]; then
    _striate "$@"
else
    compdef _striate striate
fi
)";
  return script;
}

// ---- fish

static std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

static std::string fish_value(const ArgumentDescription& argument) {
  if (argument.value.empty()) return "";
  if (!argument.choices.empty())
    return " -x -a " + fish_quoted(fmt::format("{}", fmt::join(argument.choices, " ")));
  switch (file_kind(argument)) {
  case FileKind::Any:
    return " -r -F";
  case FileKind::Folder:
    return " -x -a '(__fish_complete_directories)'";
  case FileKind::Program:
    return " -x -a '(__fish_complete_suffix .nn)'";
  case FileKind::Graph:
    return " -x -a '(__fish_complete_suffix .sir)'";
  case FileKind::None:
    break;
  }
  return " -x";
}

std::string fish_completion(const CommandLineDescription& description) {
  std::string script = "# Completion of striate for fish: striate completions fish > "
                       "~/.config/fish/completions/striate.fish\n\ncomplete -c striate -f\n"
                       "complete -c striate -n __fish_use_subcommand -l help -d 'show the commands'\n"
                       "complete -c striate -n __fish_use_subcommand -l version -d 'show the version'\n";
  for (const CommandDescription& command : description.commands) {
    std::vector<std::string> names = {command.name};
    names.insert(names.end(), command.other_names.begin(), command.other_names.end());
    for (const std::string& name : names)
      script += fmt::format("complete -c striate -n __fish_use_subcommand -a {} -d {}\n", name,
                            fish_quoted(command.meaning));
    const std::string seen =
        fmt::format("complete -c striate -n '__fish_seen_subcommand_from {}'", fmt::join(names, " "));
    for (const ArgumentDescription& argument : command.arguments) {
      const std::string value = fish_value(argument);
      if (argument.is_positional()) {
        // Files and words are offered wherever no flag is being written.
        if (file_kind(argument) == FileKind::Any)
          script += seen + " -F\n";
        else if (value.find(" -a ") != std::string::npos)
          script += seen + value.substr(value.find(" -a ")) + "\n";
        continue;
      }
      script += seen;
      for (const std::string& flag : argument.names)
        script += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
      script += (argument.optional_value ? "" : value) + " -d " + fish_quoted(argument.meaning) + "\n";
    }
  }
  return script;
}

} // namespace striate
