// The command line: options, and which command they go to. docs/command-line.md is the reference.

#include "driver/commands.h"
#include "support/result.h"
#include "support/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace striate {
namespace {

void add_program(CLI::App& command, Options& options) {
  command.add_option("file", options.file, "the program")->required()->type_name("FILE.nn");
  command.add_option("--param", options.parameters, "an argument of the model")->type_name("NAME=VALUE");
  command.add_option("--set", options.settings, "overrides a setting of the `train` block or the optimizer")
      ->type_name("NAME=VALUE");
  command.add_option("--data", options.data, "the folder of the data files (default: the program's)")
      ->type_name("DIR");
  command.add_option("--color", options.color, "auto, always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

void add_compilation(CLI::App& command, Options& options) {
  command.add_option("--threads,-j", options.threads, "processors to use; results do not depend on it")
      ->check(CLI::Range(1, 1024));
  command.add_option("--mcpu", options.cpu, "the CPU to compile for, by LLVM's name");
  command.add_option("--layout", options.layout, "batch, channel or plain: overrides the layout pass")
      ->check(CLI::IsMember({"batch", "channel", "plain"}));
  command.add_flag("!--no-fuse", options.fuse, "one kernel per statement, for comparison");
}

} // namespace

static int run(int argc, char** argv) {
  Options options;
  for (int i = 0; i < argc; ++i) options.command_line += (i ? " " : "") + std::string(argv[i]);

  CLI::App app{"Striate: a compiler for neural networks. Writes, trains and inspects `.nn` models.",
               "striate"};
  app.set_version_flag("--version", fmt::format("striate {}", kVersion));
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  int code = 0;
  const auto command = [&](const char* name, const char* meaning, int (*function)(const Options&)) {
    CLI::App* sub = app.add_subcommand(name, meaning);
    sub->callback([&options, &code, function] { code = function(options); });
    return sub;
  };

  CLI::App* check = command("check", "parse a program and check names, types and shapes", command_check);
  add_program(*check, options);

  CLI::App* train = command("train", "compile the training step and run it", command_train);
  train->alias("fit");
  add_program(*train, options);
  add_compilation(*train, options);
  train->add_option("--run", options.run_folder, "the run folder (default: a new one in runs/)")
      ->type_name("DIR");
  train
      ->add_option("--resume", options.resume_from,
                   "go on from the newest checkpoint of the run folder, or from FILE")
      ->expected(0, 1)
      ->type_name("FILE")
      ->each([&](const std::string&) { options.resume = true; });
  train->add_flag("--force", options.force, "replace an existing run folder");
  train->add_option("--progress", options.progress, "auto, bar, plain, none")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}));

  CLI::App* eval = command("eval", "measure loss and metrics of trained weights on a split", command_eval);
  eval->alias("test");
  add_program(*eval, options);
  add_compilation(*eval, options);
  eval->add_option("--weights,-w", options.weights, "a safetensors file")->required()->type_name("FILE");
  eval->add_option("--split", options.split, "the split to measure (default: test)")->type_name("NAME");

  CLI::App* apply = command("run", "apply a trained model to inputs", command_run);
  apply->alias("predict");
  add_program(*apply, options);
  add_compilation(*apply, options);
  apply->add_option("--weights,-w", options.weights, "a safetensors file")->required()->type_name("FILE");
  apply->add_option("--input,-i", options.inputs, "NAME=@FILE.npy, or NAME=NUMBER")
      ->required()
      ->type_name("NAME=VALUE");

  CLI::App* build = command("build", "print a stage of the compilation", command_build);
  build->alias("compile");
  add_program(*build, options);
  add_compilation(*build, options);
  build->add_option("--emit", options.emit, "ast, graph, grad, regions, kernel, llvm, asm, cuda")
      ->check(CLI::IsMember({"ast", "graph", "grad", "regions", "kernel", "llvm", "asm", "cuda"}));
  build->add_option("--mode", options.mode, "train: the training step; infer: evaluation")
      ->check(CLI::IsMember({"train", "infer"}));
  build->add_option("--batch", options.batch, "the most examples per run (default: the program's batch)")
      ->check(CLI::Range(1, 1 << 20));
  build->add_option("-o", options.output, "where to write (default: stdout)")->type_name("FILE");

  CLI::App* explain =
      command("explain", "print an operator's definition and its derived gradients", command_explain);
  explain->add_option("subject", options.subject, "what to explain: op")
      ->required()
      ->check(CLI::IsMember({"op"}));
  explain->add_option("name", options.name, "the operator")->required();
  explain->add_option("--in", options.file, "a program that defines it")->type_name("FILE.nn");
  explain->add_flag("--grad", options.gradient, "the derived gradients too");

  CLI::App* summary =
      command("summary", "print layers, shapes, parameters, FLOPs and bytes", command_summary);
  add_program(*summary, options);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error);
    return asked ? 0 : static_cast<int>(ExitCode::Usage);
  }
  return code;
}

} // namespace striate

int main(int argc, char** argv) { return striate::run(argc, argv); }
