#include "driver/command_options.h"

#include "driver/description.h"
#include "support/byte_size.h"

#include <fmt/format.h>

namespace striate {

void add_choice(CLI::App& command, const char* flag, std::string& target, const char* what,
                const char* meaning, const std::vector<std::string>& words) {
  command.add_option(flag, target, meaning)
      ->type_name(what)
      ->check(CLI::IsMember(words).description("").name(joined_choices(words)));
}

void add_program(CLI::App& command, Options& options) {
  command.add_option("file", options.file, "the program")->type_name("FILE.nn");
  command.add_option("--param", options.parameters, "an argument of the model")->type_name("NAME=VALUE");
  command.add_option("--set", options.settings, "overrides a setting of the `train` block or the optimizer")
      ->type_name("NAME=VALUE");
  command.add_option("--data", options.data, "the folder of the data files (default: the program's)")
      ->type_name("DIR");
}

void add_threads(CLI::App& command, Options& options) {
  add_count(command, "--threads,-j", options.threads, 1024,
            "processors to use (default: all); results do not depend on it");
}

void add_memory(CLI::App& command, Options& options) {
  command
      .add_option_function<std::string>(
          "--mem", [&options](const std::string& text) { options.memory = parse_bytes(text); },
          "the most memory for weights, states and values together: what does not fit is computed again")
      ->type_name("2GiB")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return parse_bytes(text) ? ""
                                     : fmt::format("`{}` is no amount of memory, as 2GiB or 500MB are", text);
          },
          ""));
}

void add_compilation(CLI::App& command, Options& options) {
  add_threads(command, options);
  command
      .add_option(
          "--mcpu", options.cpu,
          "the CPU to compile for, by LLVM's name (default: this one); of an object, several levels of "
          "x86-64 with + between them")
      ->type_name("CPU");
  add_choice(command, "--layout", options.layout, "LAYOUT",
             "batch, channel or plain: overrides the layout pass", {"batch", "channel", "plain"});
  command.add_flag_callback(
      "--no-fuse", [&options] { options.fuse = false; }, "one kernel per statement, for comparison");
  add_choice(command, "--precision", options.precision, "PRECISION",
             "f32 or bf16: what convolutions and matrices multiply numbers of; sums are of f32",
             {"f32", "bf16"});
  command.add_flag("--winograd", options.winograd,
                   "let convolutions of 3 x 3 multiply less where that is faster: other rounding");
  add_memory(command, options);
}

void add_only(CLI::App& command, Options& options, const char* meaning) {
  command.add_option("--only", options.only, meaning)->type_name("ID");
}

void add_bisection(CLI::App& command, Options& options) {
  command
      .add_option(
          "--opt-bisect-limit", options.bisect_limit,
          "run only the first N passes that can be left out or decide otherwise, and name all of them on "
          "stderr; -1: all")
      ->type_name("N");
}

void add_passes(CLI::App& command, const char* flag, std::vector<std::string>& target, const char* meaning) {
  command.add_option(flag, target, meaning)->type_name("PASS,...")->delimiter(',')->allow_extra_args(false);
}

void add_target(CLI::App& command, Options& options) {
  add_choice(command, "--target", options.target, "TARGET", "cpu (the default), or cuda: an NVIDIA GPU",
             {"cpu", "cuda"});
}

void add_device(CLI::App& command, Options& options) {
  add_target(command, options);
  command
      .add_option("--device", options.device,
                  "of --target cuda: its number (default: 0), or `emulated`: this CPU, slowly, for tests")
      ->type_name("DEVICE");
}

void add_listing(CLI::App& command, Options& options) {
  command
      .add_option("--kernel-text", options.listing_folder,
                  "write the kernels' text to this folder, and let gdb and perf find its lines")
      ->type_name("DIR");
}

void add_trace(CLI::App& command, Options& options) {
  add_passes(command, "--print-ir-before", options.print_before,
             "print the graph before these passes, to stderr");
  add_passes(command, "--print-ir-after", options.print_after,
             "print the graph after these passes, to stderr");
  command.add_flag("--print-ir-after-all", options.print_after_all, "after every pass");
  command.add_flag("--print-ir-after-change", options.print_after_change, "after every pass that changed it");
  command
      .add_option("--dump-to", options.dump_to, "write the graph after every pass into files of this folder")
      ->type_name("DIR");
  command.add_flag("--time-passes", options.time_passes, "print how long each pass took, to stderr");
  command.add_flag("--pass-stats", options.pass_stats,
                   "print what each pass added, removed and changed, and how much it decided, to stderr");
}

CLI::Option* add_weights(CLI::App& command, Options& options) {
  return command
      .add_option("--weights,-w", options.weights,
                  "a safetensors file (model.safetensors of a run folder) or .npz")
      ->type_name("FILE");
}

} // namespace striate
