// Options that several commands have, as they are added to the command line's parser.
#pragma once

#include "driver/options.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace striate {

// A whole number from 1.
template <typename T>
void add_count(CLI::App& command, const char* flag, T& target, T most, const char* meaning) {
  command.add_option(flag, target, meaning)->type_name("N")->check(CLI::Range(T{1}, most).description(""));
}

// A word out of a few; the help names them in the meaning.
void add_choice(CLI::App& command, const char* flag, std::string& target, const char* what,
                const char* meaning, const std::vector<std::string>& words);
void add_program(CLI::App& command, Options& options);
void add_threads(CLI::App& command, Options& options);
void add_memory(CLI::App& command, Options& options);
void add_compilation(CLI::App& command, Options& options);
void add_only(CLI::App& command, Options& options, const char* meaning);
// Not of `verify`, which halves the passes by itself.
void add_bisection(CLI::App& command, Options& options);
// A list of passes: --passes=a,b or several times.
void add_passes(CLI::App& command, const char* flag, std::vector<std::string>& target, const char* meaning);
void add_target(CLI::App& command, Options& options);
// Of commands that run what they compile: where, and the text of what.
void add_device(CLI::App& command, Options& options);
void add_listing(CLI::App& command, Options& options);
void add_trace(CLI::App& command, Options& options);
CLI::Option* add_weights(CLI::App& command, Options& options);

} // namespace striate
