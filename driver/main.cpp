// The command line: options, and which command they go to. docs/command-line.md is the reference.

#include "driver/command_options.h"
#include "driver/commands.h"
#include "driver/crash_report.h"
#include "driver/description.h"
#include "driver/templates.h"
#include "support/diagnostics.h"
#include "support/result.h"
#include "support/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>

namespace striate {
namespace {

class CommandLine {
public:
  CommandLine()
      : app_{"Striate: a compiler for neural networks. Writes, trains and inspects `.nn` models.",
             "striate"} {
    app_.set_version_flag("--version", fmt::format("striate {}", kVersion));
    app_.footer(
        "`striate COMMAND --help` shows the options of a command. Results go to stdout, the rest to stderr.");
    app_.get_formatter()->column_width(28);
    add_new();
    add_check();
    add_train();
    add_eval();
    add_run();
    add_build();
    add_bench();
    add_machine();
    add_explain();
    add_summary();
    add_tune();
    add_fmt();
    add_opt();
    add_diff();
    add_why();
    add_verify();
    add_import();
    add_export();
    add_lsp();
    add_completions();
    add_man();
  }

  int run(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) options_.command_line += (i ? " " : "") + std::string(argv[i]);
    install_crash_report(options_.command_line);
    if (argc < 2) {
      fmt::print(stderr, "{}", app_.help());
      return static_cast<int>(ExitCode::Usage);
    }
    if (const std::string word = argv[1]; !word.starts_with('-') && !is_command(word))
      return unknown_command(word);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return parse_error(error);
    }
    if (!chosen_) return usage("a command is missing");
    options_.resume = resume_->count() > 0;
    // `--resume net.nn`: the program, not a checkpoint.
    if (options_.file.empty() && options_.resume_from.ends_with(".nn"))
      std::swap(options_.file, options_.resume_from);
    const CLI::App& command = *app_.get_subcommands().front();
    if (options_.file.empty() && options_.reproducer.empty() && command.get_option_no_throw("file"))
      return usage(fmt::format("a program is missing: striate {} FILE.nn", command.get_name()));
    return chosen_(options_);
  }

private:
  using Command = std::function<int(const Options&)>;

  CLI::App& add(const char* name, const char* alias, const char* meaning, Command function) {
    CLI::App* sub = app_.add_subcommand(name, meaning);
    names_.emplace_back(name);
    if (alias) {
      sub->alias(alias);
      names_.emplace_back(alias);
    }
    add_choice(*sub, "--color", options_.color, "WHEN", "auto (on a terminal), always, never",
               {"auto", "always", "never"});
    add_choice(*sub, "--diagnostics", options_.diagnostics, "FORM",
               "text, or json: one object a line, for other programs", {"text", "json"});
    add_count(*sub, "--error-limit", options_.error_limit, 1000, "the most errors to show (default: 20)");
    add_choice(*sub, "--deny", options_.deny, "WHAT", "warnings: they count as errors", {"warnings"});
    sub->callback([this, function] { chosen_ = function; });
    return *sub;
  }

  void add_check() {
    CLI::App& check =
        add("check", nullptr, "find the mistakes of a program, without running it", command_check);
    add_program(check, options_);
  }

  void add_train() {
    CLI::App& train = add("train", "fit", "compile the training step and run it", command_train);
    add_program(train, options_);
    add_compilation(train, options_);
    add_bisection(train, options_);
    add_device(train, options_);
    add_listing(train, options_);
    train.add_option("--run", options_.run_folder, "the run folder (default: a new one in runs/)")
        ->type_name("DIR");
    resume_ = train
                  .add_option("--resume", options_.resume_from,
                              "go on from the newest checkpoint of the run folder, or from FILE")
                  ->expected(0, 1)
                  ->type_name("FILE");
    train.add_flag("--force", options_.force, "replace an existing run folder");
    train.add_flag("--profile", options_.profile,
                   "print at the end where the time of the updates went, kernel by kernel");
    add_rows(train);
    add_only(train, options_, "with --profile: a row for this kernel alone, by its number, name or symbol");
    train.add_flag("--print-config", options_.print_config,
                   "print every setting of the training as it is resolved, and do nothing else");
    add_choice(train, "--progress", options_.progress, "HOW", "auto (a bar on a terminal), bar, plain, none",
               {"auto", "bar", "plain", "none"});
  }

  void add_eval() {
    CLI::App& eval =
        add("eval", "test", "measure loss and metrics of trained weights on a split", command_eval);
    add_program(eval, options_);
    add_compilation(eval, options_);
    add_bisection(eval, options_);
    add_device(eval, options_);
    add_listing(eval, options_);
    add_weights(eval, options_)->required();
    eval.add_option("--split", options_.split, "the split to measure (default: test)")->type_name("NAME");
  }

  void add_run() {
    CLI::App& run = add("run", "predict",
                        "apply a trained model to inputs; or run kernels, FILE.sir, on them", command_run);
    add_program(run, options_);
    add_compilation(run, options_);
    add_bisection(run, options_);
    add_device(run, options_);
    add_listing(run, options_);
    add_weights(run, options_);
    CLI::Option* input =
        run.add_option("--input,-i", options_.inputs,
                       "NAME=@FILE.npy, values as the data has them, NAME=@PHOTO.jpg or .png, or NAME=NUMBER")
            ->type_name("NAME=VALUE");
    run.add_option("--output,-o", options_.outputs,
                   "NAME=@FILE.npy: writes an output there, and does not print it")
        ->type_name("NAME=@FILE");
    add_generation(run, *input);
  }

  // A text instead of inputs.
  void add_generation(CLI::App& run, CLI::Option& input) {
    CLI::Option* generate = run.add_option("--generate", options_.generate,
                                           "write so many characters, each drawn from what the model says of "
                                           "the text before it")
                                ->type_name("N")
                                ->check(CLI::Range(int64_t{1}, int64_t{1} << 40).description(""))
                                ->excludes(&input);
    run.add_option("--prompt", options_.prompt, "how the text begins (default: a new line)")
        ->type_name("TEXT")
        ->needs(generate);
    run.add_option("--temperature", options_.temperature,
                   "below 1 likely characters become likelier; 0: always the likeliest (default: 1)")
        ->type_name("T")
        ->check(CLI::Range(0.0, 100.0).description(""))
        ->needs(generate);
    run.add_option("--top-k", options_.top_k, "draw among the K likeliest only")
        ->type_name("K")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 40).description(""))
        ->needs(generate);
    run.add_option("--seed", options_.seed, "another seed, another text (default: 1)")
        ->type_name("N")
        ->needs(generate);
  }

  void add_build() {
    CLI::App& build =
        add("build", "compile", "make an object for C programs, or print a stage of the compilation",
            command_build);
    add_program(build, options_);
    add_compilation(build, options_);
    add_bisection(build, options_);
    add_target(build, options_);
    add_choice(
        build, "--emit", options_.emit, "STAGE",
        "ast, graph, grad, regions (the default), kernel, llvm, asm; cuda, ptx, cubin: for an NVIDIA GPU; "
        "dot, json: the kernels for Graphviz and other programs; html: a report of the whole compilation for "
        "a browser; object (the default with --weights or --train): NAME.o, or the library that -o names "
        "(NAME.a, NAME.so), and its C header NAME.h",
        {"ast", "graph", "grad", "regions", "kernel", "llvm", "asm", "cuda", "ptx", "cubin", "dot", "json",
         "html", "object"});
    CLI::Option* weights =
        build.add_option("--weights,-w", options_.weights, "weights to build into the object")
            ->type_name("FILE");
    build
        .add_flag("--external-weights", options_.external_weights,
                  "write them to NAME.safetensors, which the object can load, and not into it")
        ->needs(weights);
    build.add_flag("--train", options_.train,
                   "an object that trains: its step, evaluation and first weights");
    add_mode(build);
    build.add_option("--phase", options_.phase, "of a training with phases, this one (default: the last)")
        ->type_name("NAME");
    add_count(build, "--batch", options_.batch, int64_t{1} << 20,
              "the most examples per run (default: the program's batch)");
    add_choice(build, "--arch", options_.architecture, "ARCH",
               "x86_64, aarch64: make code for Linux on another architecture (--mcpu: one of its CPUs)",
               {"x86_64", "aarch64"});
    build
        .add_option("--trace", options_.trace,
                    "write how long its parts took as a trace for Perfetto or Chrome")
        ->type_name("FILE");
    build
        .add_option("--gpu-arch", options_.gpu_architecture,
                    "what --emit=ptx and cubin are for: sm_90a (the default), compute_80 ...")
        ->type_name("ARCH");
    add_output(build);
    add_only(build, options_, "of stages with kernels: this one alone, by its number, name or symbol");
    add_trace(build, options_);
  }

  void add_mode(CLI::App& command) {
    add_choice(command, "--mode", options_.mode, "MODE",
               "train: the training step (the default); infer: evaluation", {"train", "infer"});
  }

  void add_rows(CLI::App& command) {
    command.add_option("--rows", options_.rows, "kernels in the table; 0: all (default: 20)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 40).description(""));
  }

  // Of how many examples at a time, and for how long.
  void add_measurement(CLI::App& command, const char* flag, double& seconds, const char* meaning) {
    add_count(command, "--batch", options_.batch, int64_t{1} << 20,
              "examples per run (default: the program's batch)");
    command.add_option(flag, seconds, meaning)
        ->type_name("S")
        ->check(CLI::Range(0.0, 86400.0).description(""));
  }

  void add_bench() {
    CLI::App& bench =
        add("bench", nullptr, "time a training step or the model, kernel by kernel", command_bench);
    add_program(bench, options_);
    add_compilation(bench, options_);
    add_bisection(bench, options_);
    add_device(bench, options_);
    add_listing(bench, options_);
    add_mode(bench);
    add_measurement(bench, "--seconds", options_.seconds, "how long to measure (default: 2)");
    add_count(bench, "--iterations", options_.iterations, int64_t{1} << 40,
              "so many runs, however long they take");
    add_rows(bench);
    bench.add_flag("--code", options_.code,
                   "also a table of what the kernels' inner loops are made of, as machine code");
    add_only(bench, options_, "run and time this kernel alone, by its number, name or symbol");
    bench.add_option("--json", options_.json, "write every run and kernel to FILE, too")->type_name("FILE");
    bench
        .add_option("--trace", options_.trace,
                    "write the compilation and the last run as a trace for Perfetto or Chrome")
        ->type_name("FILE");
    CLI::Option* annotate =
        bench
            .add_option("--annotate", options_.annotate,
                        "write the regions as text to FILE, with measured beside predicted times")
            ->type_name("FILE.sir");
    bench.add_option("--emit", options_.emit, "with --annotate: regions (the default) or kernel")
        ->type_name("STAGE")
        ->check(
            CLI::IsMember({"regions", "kernel"}).description("").name(joined_choices({"regions", "kernel"})))
        ->needs(annotate);
  }

  void add_machine() {
    CLI::App& machine =
        add("machine", nullptr,
            "measure the machine: arithmetic and bandwidth, at most; kept for the times that others predict",
            command_machine);
    add_threads(machine, options_);
    add_device(machine, options_);
  }

  void add_output(CLI::App& command) {
    command
        .add_option("-o", options_.output, "where to write (default: stdout; an object: the program's name)")
        ->type_name("FILE");
  }

  void add_opt() {
    CLI::App& opt = add("opt", nullptr, "apply passes to a graph in its text form", command_opt);
    opt.add_option("graph", options_.file, "a graph, as `build --emit` prints it; `-`: stdin")
        ->type_name("FILE.sir");
    add_passes(opt, "--passes,-p", options_.passes, "the passes to apply, in order (default: none)");
    opt.add_flag("--list-passes", options_.list, "name every pass, and what it does");
    add_count(opt, "--batch", options_.batch, int64_t{1} << 20, "the most examples per run (default: 64)");
    add_compilation(opt, options_);
    add_bisection(opt, options_);
    add_target(opt, options_);
    add_output(opt);
    add_only(opt, options_, "print this region or kernel alone, by its number, name or symbol");
    add_trace(opt, options_);
  }

  void add_diff() {
    CLI::App& diff = add("diff", nullptr,
                         "compare two texts of the IR by name; exits with 1 where they differ", command_diff);
    diff.add_option("files", options_.files, "graphs or programs of kernels, as `build --emit` prints them")
        ->required()
        ->expected(2)
        ->type_name("FILE.sir");
    CLI::Option* quiet = diff.add_flag("--quiet,-q", options_.quiet, "print nothing: the exit code says it");
    diff.add_flag("--summary", options_.summary, "print only how much differs, and the costs")
        ->excludes(quiet);
  }

  void add_why() {
    CLI::App& why =
        add("why", nullptr, "what the compiler decided about layers or values, and its reasons", command_why);
    add_program(why, options_);
    add_compilation(why, options_);
    add_bisection(why, options_);
    add_target(why, options_);
    why.add_option("names", options_.files, "layers and values, or a pass: what concerns all of them")
        ->type_name("NAME");
    add_only(why, options_, "what concerns the values of this kernel, by its number, name or symbol");
  }

  void add_verify() {
    CLI::App& verify =
        add("verify", nullptr, "compare every stage of a program's compilation with what its source means",
            command_verify);
    add_program(verify, options_);
    add_compilation(verify, options_);
    add_device(verify, options_);
    add_count(verify, "--batch", options_.batch, int64_t{1} << 20,
              "the most examples per run (default: the program's batch)");
    add_count(verify, "--examples", options_.examples, int64_t{1} << 20,
              "examples of each step (default: 2 to 17, as the interpreter is done with soon)");
    add_count(verify, "--steps", options_.steps, int64_t{1} << 20, "training steps (default: 3)");
    verify.add_option("--seed", options_.seed, "another seed, other inputs and weights (default: 1)")
        ->type_name("N");
    verify.add_option("--reproducer", options_.reproducer, "check what an earlier run wrote, again")
        ->type_name("FILE.sir");
    verify
        .add_option("-o", options_.output, "the folder for reproducers of what is wrong (default: this one)")
        ->type_name("DIR");
  }

  void add_import() {
    CLI::App& import =
        add("import", nullptr, "make a program and its weights of an ONNX model", command_import);
    import.add_option("file", options_.file, "the model")->type_name("FILE.onnx");
    import
        .add_option("-o", options_.output,
                    "the program (default: the model's name); its weights go into .safetensors beside it")
        ->type_name("FILE.nn");
  }

  void add_export() {
    CLI::App& command =
        add("export", nullptr, "make an ONNX model of a program and its weights", command_export);
    add_program(command, options_);
    add_weights(command, options_);
    command
        .add_option("-o", options_.output,
                    "the ONNX model (default: the program's name); without --weights, its "
                    "weights are the first ones of a training")
        ->type_name("FILE.onnx");
  }

  void add_explain() {
    CLI::App& explain =
        add("explain", nullptr, "tell about a message by its code, or print an operator and its gradients",
            command_explain);
    explain.add_option("subject", options_.subject, "what to explain: op, or the code of a message")
        ->type_name("op|CODE");
    explain.add_option("name", options_.name, "the operator")->type_name("NAME");
    explain.add_flag("--list", options_.list, "the codes of all messages, one a line");
    explain.add_flag("--library", options_.library, "the standard library as a page of Markdown");
    explain.add_option("--in", options_.file, "a program that defines it")->type_name("FILE.nn");
    explain.add_flag("--grad", options_.gradient, "the derived gradients too");
  }

  void add_summary() {
    CLI::App& summary =
        add("summary", nullptr, "print layers, shapes, parameters, FLOPs and bytes", command_summary);
    add_program(summary, options_);
    add_memory(summary, options_);
  }

  void add_tune() {
    CLI::App& tune =
        add("tune", nullptr, "measure other tiles for the kernels, and keep what is faster in FILE.tune",
            command_tune);
    add_program(tune, options_);
    add_compilation(tune, options_);
    add_mode(tune);
    add_measurement(tune, "--budget", options_.budget, "seconds to measure for (default: 60)");
  }

  void add_fmt() {
    CLI::App& format =
        add("fmt", "format", "lay out programs in the canonical way; comments and meaning stay", command_fmt);
    format.add_option("files", options_.files, "programs to rewrite; `-`: stdin to stdout")
        ->required()
        ->type_name("FILE.nn");
    format.add_flag("--check", options_.check, "change nothing; name the files that are laid out otherwise");
  }

  void add_lsp() {
    CLI::App& lsp =
        add("lsp", nullptr, "the language server, for editors: speaks over stdin and stdout", command_lsp);
    lsp.add_flag("--stdio", options_.stdio, "what editors may say; there is no other way");
  }

  void add_new() {
    CLI::App& make = add("new", nullptr, "make a folder with a whole program to start from", command_new);
    make.add_option("name", options_.name, "the folder, and the program in it")
        ->required()
        ->type_name("NAME");
    std::vector<std::string> programs;
    for (const TemplateFile& file : program_templates())
      programs.push_back(file.name.substr(0, file.name.rfind('.')));
    add_choice(make, "--template", options_.program, "WHAT",
               "digits (the default; its data is made too); for data of one's own: images, csv, text",
               programs);
  }

  // What is made from the description of this command line.
  void add_completions() {
    CLI::App& completions =
        add("completions", nullptr, "print a completion script for a shell", [this](const Options& options) {
          const CommandLineDescription description = describe(app_);
          fmt::print("{}", options.shell == "bash"  ? bash_completion(description)
                           : options.shell == "zsh" ? zsh_completion(description)
                                                    : fish_completion(description));
          return 0;
        });
    add_choice(completions, "shell", options_.shell, "SHELL", "bash, zsh or fish", {"bash", "zsh", "fish"});
    completions.get_option("shell")->required();
  }

  void add_man() {
    add("man", nullptr, "print the manual page, as roff: `striate man | man -l -`", [this](const Options&) {
      fmt::print("{}", man_page(describe(app_)));
      return 0;
    });
  }

  bool is_command(const std::string& word) const { return std::ranges::find(names_, word) != names_.end(); }

  static int usage(const std::string& message) {
    fmt::print(stderr, "striate: error: {}\n", message);
    return static_cast<int>(ExitCode::Usage);
  }

  int unknown_command(const std::string& word) const {
    std::string message = fmt::format("there is no command `{}`", word);
    if (const std::string near = nearest_name(word, names_); !near.empty())
      message += fmt::format("; did you mean `{}`?", near);
    else if (word.ends_with(".nn"))
      message += fmt::format("; did you mean `striate train {}`?", word);
    else
      message += "; `striate --help` lists them";
    return usage(message);
  }

  // Help and version are no errors; an unknown option is answered with the nearest one.
  int parse_error(const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app_.exit(error);
    const std::vector<CLI::App*> used = app_.get_subcommands();
    if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError) || used.empty())
      return usage(error.what());
    const std::vector<std::string> left = used[0]->remaining();
    if (left.empty()) return usage(error.what());
    const std::string word = left[0].substr(0, left[0].find('='));
    if (!word.starts_with('-')) return usage(fmt::format("`{}` is one argument too many", word));
    std::vector<std::string> known;
    for (const CLI::Option* option : used[0]->get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    const std::string near = nearest_name(word, known);
    return usage(fmt::format("`striate {}` has no option `{}`; {}", used[0]->get_name(), word,
                             near.empty() ? fmt::format("`striate {} --help` lists them", used[0]->get_name())
                                          : fmt::format("did you mean `{}`?", near)));
  }

  Options options_;
  CLI::App app_;
  CLI::Option* resume_ = nullptr;
  std::vector<std::string> names_;
  Command chosen_;
};

} // namespace
} // namespace striate

int main(int argc, char** argv) { return striate::CommandLine().run(argc, argv); }
