// The manual page: what the parser knows of commands and options, and what it does not: exit codes, the
// environment and files.
#include "driver/description.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace striate {

// Text as roff: no character of it is a command, and `code` is bold.
static std::string roff(const std::string& text) {
  std::string result;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      result += bold ? "\\fP" : "\\fB";
      bold = !bold;
    } else if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      if (result.empty() && (c == '.' || c == '\'')) result += "\\&";
      result += c;
    }
  }
  return result;
}

static std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fP"; }
static std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fP"; }

// `a, b VALUE`, or with the first name alone.
static std::string heading(const ArgumentDescription& argument, bool all_names = true) {
  if (argument.is_positional()) return italic(argument.value);
  std::string text;
  for (const std::string& name : argument.names)
    if (all_names || text.empty()) text += (text.empty() ? "" : ", ") + bold(name);
  if (argument.value.empty()) return text;
  return text + " " + (argument.optional_value ? "[" + italic(argument.value) + "]" : italic(argument.value));
}

static std::string entry(const std::string& heading, const std::string& meaning) {
  return ".TP\n" + heading + "\n" + roff(meaning) + "\n";
}

static std::string synopsis(const std::string& program, const CommandDescription& command) {
  std::string text = bold(program + " " + command.name);
  bool options = false;
  for (const ArgumentDescription& argument : command.arguments) {
    if (!argument.is_positional() && !argument.required) {
      options = true;
      continue;
    }
    const std::string shown = heading(argument, false) + (argument.repeated ? "..." : "");
    text += argument.required ? " " + shown : " [" + shown + "]";
  }
  return text + (options ? " [" + italic("options") + "]" : "");
}

struct Entry {
  const char* name;
  const char* meaning;
};

// docs/command-line.md has the same table.
static constexpr std::array kExitCodes = {
    Entry{"0", "all went well"},
    Entry{"1", "the program is wrong, a check failed, or two texts differ; messages were printed"},
    Entry{"2", "the command line is wrong"},
    Entry{"3", "a file is missing or bad"},
    Entry{"4", "a loss or a weight is not finite"},
    Entry{"5", "memory ran out, or a limit would be passed"},
    Entry{"70", "a bug in Striate; the message says where, and which file holds the command line and the "
                "program for a report"},
    Entry{"130, 143", "stopped by Ctrl-C, by SIGTERM; the run was saved"}};

static constexpr std::array kEnvironment = {
    Entry{"NO_COLOR", "if it is set, messages have no colours unless `--color always` asks for them"},
    Entry{"TERM", "if it is `dumb`, progress is shown as plain lines"}};

static constexpr std::array kFiles = {
    Entry{"FILE.nn", "a program: models, data, training"},
    Entry{"runs/", "the folders of trainings that `--run` names no other one for"},
    Entry{"metrics.jsonl", "in a run folder: one JSON object a line"},
    Entry{"checkpoint-STEP.safetensors", "in a run folder: everything that a run goes on from"},
    Entry{"best.safetensors", "in a run folder: the checkpoint with the best value of the watched metric"},
    Entry{"model.safetensors", "in a run folder: the weights at the end"}};

template <typename Entries>
static std::string entries(const char* section, const Entries& list) {
  std::string text = fmt::format(".SH {}\n", section);
  for (const Entry& one : list) text += entry(bold(one.name), one.meaning);
  return text;
}

std::string man_page(const CommandLineDescription& description) {
  std::string page = fmt::format(".TH {} 1 \"\" \"{} {}\" \"User Commands\"\n", "STRIATE", description.name,
                                 description.version);
  page += ".SH NAME\n" + description.name + " \\- a compiler for neural networks\n.SH SYNOPSIS\n.nf\n";
  for (const CommandDescription& command : description.commands)
    page += synopsis(description.name, command) + "\n";
  page += bold(description.name + " --version") + "\n" + bold(description.name + " --help") + "\n.fi\n";
  page +=
      ".SH DESCRIPTION\n" + roff(description.meaning) +
      "\nResults go to standard output, everything else (progress, messages, errors) to standard error.\n";
  const std::vector<ArgumentDescription> common = description.common();
  page += ".SH OPTIONS OF EVERY COMMAND\n";
  for (const ArgumentDescription& argument : common) page += entry(heading(argument), argument.meaning);
  page += ".SH COMMANDS\n";
  for (const CommandDescription& command : description.commands) {
    page += fmt::format(".SS {}\n{}.\n", roff(command.name), roff(command.meaning));
    if (!command.other_names.empty())
      page += fmt::format("Also called {}.\n", bold(fmt::format("{}", fmt::join(command.other_names, ", "))));
    for (const ArgumentDescription& argument : command.arguments)
      if (std::ranges::find(common, argument) == common.end())
        page += entry(heading(argument), argument.meaning);
  }
  page += entries("EXIT STATUS", kExitCodes);
  page += entries("ENVIRONMENT", kEnvironment);
  page += entries("FILES", kFiles);
  page += ".SH EXAMPLES\n" +
          entry(bold("striate new hello && striate train hello/hello.nn"),
                "a whole program with its data, and its training") +
          entry(bold("striate check net.nn"), "the mistakes of a program") +
          entry(bold("striate train net.nn --set train.epochs=5 --run runs/short"),
                "a setting from outside, and a run folder of one's own");
  return page;
}

} // namespace striate
