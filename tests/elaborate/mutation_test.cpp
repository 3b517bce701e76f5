// A single typo in a program that was right: the first message is where the typo is, a misspelt name is
// guessed, and nothing else is reported as a consequence. The programs are models of the zoo and those in
// mutated/.
//
// STRIATE_MISSES=FILE writes every mutant that misses, with its messages, to a file. A mutant that crashes or
// hangs the frontend is left in mutant.nn in the temporary folder.
#include "tests/elaborate/elaborated.h"
#include "tests/elaborate/mutants.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

namespace striate {
namespace {

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Whether the message offers the name: "did you mean `name`?".
bool offers(const DiagnosticMessage& message, const std::string& name) {
  for (const DiagnosticMessage::Remark& remark : message.remarks)
    if (remark.is_help && remark.text.find("`" + name + "`") != std::string::npos) return true;
  return false;
}

struct Figures {
  int drawn = 0, wrong = 0, located = 0, names = 0, guessed = 0;
  std::size_t errors = 0;

  double share_located() const { return static_cast<double>(located) / wrong; }
  double share_guessed() const { return static_cast<double>(guessed) / names; }
  double errors_each() const { return static_cast<double>(errors) / wrong; }
};

class Mutations {
public:
  Mutations() {
    std::vector<std::filesystem::path> paths;
    for (const char* model :
         {"char_gpt", "cifar_small", "digits", "dropconnect_mnist", "flowers", "housing", "lenet", "lenet5",
          "maxout_mnist", "mlp", "nin", "squeezenet", "unet", "usps", "xor"})
      paths.push_back(std::filesystem::path(STRIATE_MODELS) / (std::string(model) + ".nn"));
    for (const char* program : {"layers", "operators", "training"})
      paths.push_back(std::filesystem::path(STRIATE_MUTATED) / (std::string(program) + ".nn"));
    for (const std::filesystem::path& path : paths) {
      const std::string text = text_of_file(path);
      EXPECT_EQ(errors_of(text), "") << path;
      programs_.push_back(std::make_unique<MutatedProgram>(text));
    }
    if (const char* path = std::getenv("STRIATE_MISSES")) misses_.open(path);
  }

  Figures run(int count) {
    Figures figures;
    for (int number = 0; number < count; ++number)
      try_one(programs_[static_cast<std::size_t>(number) % programs_.size()]->draw(
                  1, static_cast<uint64_t>(number)),
              number, figures);
    std::cout << fmt::format(
        "{} mutants, {} of them wrong: the first error is within a line of the typo in {:.1f} %, "
        "{} misspelt names are guessed in {:.1f} %, {:.2f} errors each\n",
        figures.drawn, figures.wrong, 100 * figures.share_located(), figures.names,
        100 * figures.share_guessed(), figures.errors_each());
    return figures;
  }

private:
  void try_one(const Mutant& mutant, int number, Figures& figures) {
    ++figures.drawn;
    std::ofstream(left_) << mutant.text;
    Elaborated result;
    elaborate_text(mutant.text, result);
    if (!result.diagnostics.has_errors()) {
      EXPECT_FALSE(result.modules.empty()) << mutant.text;
      return;
    }
    ++figures.wrong;
    figures.errors += result.diagnostics.error_count();
    const DiagnosticMessage& first = *result.diagnostics.sorted()[0];
    const bool located = first.location.file == "test.nn" && std::abs(first.location.line - mutant.line) <= 1;
    const bool guessed = mutant.typo == Typo::NameMisspelt && offers(first, mutant.name);
    figures.located += located;
    figures.names += mutant.typo == Typo::NameMisspelt;
    figures.guessed += guessed;
    if (located && (guessed || mutant.typo != Typo::NameMisspelt) && result.diagnostics.error_count() <= 3)
      return;
    misses_ << fmt::format(
        "=== {}: {} in line {} {}\n{}{}\n{}\n", number, kTypoNames[static_cast<int>(mutant.typo)],
        mutant.line, mutant.name.empty() ? "" : "of `" + mutant.name + "`", located ? "" : "[far away] ",
        mutant.typo == Typo::NameMisspelt && !guessed ? "[not guessed]" : "", result.diagnostics.render());
  }

  std::vector<std::unique_ptr<MutatedProgram>> programs_;
  std::ofstream misses_;
  const std::filesystem::path left_ = std::filesystem::temp_directory_path() / "mutant.nn";
};

void expect_good(const Figures& figures) {
  EXPECT_GE(figures.wrong, figures.drawn / 2);
  EXPECT_GE(figures.share_located(), 0.95);
  EXPECT_GE(figures.share_guessed(), 0.80);
  EXPECT_LE(figures.errors_each(), 3);
}

TEST(Mutations, OfAThousandTypos) { expect_good(Mutations().run(1000)); }

TEST(MutationsFull, OfTenThousandTypos) { expect_good(Mutations().run(10000)); }

} // namespace
} // namespace striate
