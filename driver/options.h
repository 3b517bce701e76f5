// What the command line says, as plain data; filled by main.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace striate {

constexpr int64_t kInferenceBatch = 64; // examples at a time where no program says

struct Options {
  std::string file;                        // the `.nn` file
  std::string data;                        // --data: the folder of the data files; "" = beside the program
  std::vector<std::string> parameters;     // --param NAME=VALUE
  std::vector<std::string> settings;       // --set NAME=VALUE
  int threads = 0;                         // 0: as many as the machine has
  std::string cpu = "native";              // --mcpu
  std::string architecture;                // --arch: "", "x86_64", "aarch64"
  std::string gpu_architecture = "sm_90a"; // --gpu-arch
  std::string target = "cpu";              // --target: "cpu", "cuda"
  std::string device;                      // --device: "" is 0; a number, "emulated"
  std::string layout;                      // --layout: "", "batch", "channel", "plain"
  bool fuse = true;
  std::string precision = "f32"; // --precision: "f32" or "bf16"
  bool winograd = false;
  std::optional<int64_t> bisect_limit; // --opt-bisect-limit
  std::string only;                    // --only: of all kernels this one (driver/kernel_id.h)
  std::string listing_folder;          // --kernel-text: for debuggers and profilers
  std::string color = "auto";
  std::string diagnostics = "text"; // --diagnostics: "text" or "json"
  int error_limit = 20;
  std::string deny; // --deny: "warnings", or ""

  // train
  std::string run_folder;
  bool resume = false;
  std::string resume_from;
  bool force = false;
  std::string progress = "auto";
  bool print_config = false;
  bool profile = false;

  // eval, run
  std::string weights;
  std::string split = "test";
  std::vector<std::string> inputs;  // NAME=VALUE
  std::vector<std::string> outputs; // NAME=@FILE.npy

  // run, where it writes a text
  int64_t generate = 0; // characters
  std::string prompt;
  double temperature = 1;
  int64_t top_k = 0; // 0: all
  uint64_t seed = 1;

  // build
  std::string emit;   // "": regions, or an object where there is something to build one of
  bool train = false; // the training too
  bool external_weights = false;
  std::string mode = "train";
  std::string phase; // "": the last
  std::string output;
  int64_t batch = 0; // capacity; 0: the program's

  // explain
  std::string subject; // "op", or a code: "E0203"
  std::string name;
  bool gradient = false;
  bool list = false;
  bool library = false;

  // opt, build: passes, and what to show of them
  std::vector<std::string> passes;
  std::vector<std::string> print_before;
  std::vector<std::string> print_after;
  bool print_after_all = false;
  bool print_after_change = false;
  bool time_passes = false;
  bool pass_stats = false;
  std::string dump_to;

  // bench
  double seconds = 2;     // to measure for
  int64_t iterations = 0; // runs; 0: as many as the time allows
  int64_t rows = 20;      // kernels in the table; 0: all
  std::string json;       // files for other programs
  std::string trace;
  bool code = false;    // the machine code's inner loops
  std::string annotate; // the IR with measured times; `emit` says which

  // verify
  int64_t examples = 0; // 0: as many as the interpreter is done with soon
  int64_t steps = 3;
  std::string reproducer;

  // import: `file` is an ONNX model, `output` the program

  // fmt: programs; why: layers and values; diff: two texts of the IR
  std::vector<std::string> files;
  bool check = false;

  // diff
  bool quiet = false;
  bool summary = false;

  std::string program = "digits"; // new: the template
  std::string shell;              // completions

  bool stdio = false; // lsp: the only way there is

  std::string command_line; // as typed, for the notes of checkpoints
};

} // namespace striate
