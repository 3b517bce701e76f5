// Wrong programs, many to a file of wrong/: each gets the messages that are announced, where they are
// announced, and no others. A file is made of
//
//   === NAME                   the frame of the cases below it: a program in which a line `...` stands for a
//   case E0201 TEXT | MORE | MORE   announces an error of this code with this text, and what else is printed
//   with it; of
//                              several, the first stands for all that come first in the program
//   --param classes=x          as on the command line; --set too
//   PROGRAM                    up to the next case; @@ stands before the place of each error
#include "tests/elaborate/elaborated.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

namespace striate {
namespace {

struct Announced {
  std::string code;
  std::vector<std::string> texts; // the message, then what else is printed
};

struct WrongProgram {
  std::string file;
  int line = 0;
  std::vector<Announced> errors;
  ElaborateOptions options;
  std::string text;
};

std::vector<std::string> parts_of(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  return parts;
}

bool announces(const std::string& line) {
  return line.size() > 6 && line[0] == 'E' && line[5] == ' ' &&
         line.substr(1, 4).find_first_not_of("0123456789") == std::string::npos;
}

std::vector<WrongProgram> wrong_programs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(STRIATE_WRONG)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<WrongProgram> programs;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path);
    std::string line, before, after;
    bool in_frame = false, below = false, in_head = false;
    for (int number = 1; std::getline(file, line); ++number) {
      if (line.starts_with("===")) {
        before = after = "";
        in_frame = true;
        below = false;
      } else if (announces(line)) {
        in_frame = false;
        if (!in_head) programs.push_back({path.filename(), number, {}, {}, before + "@end@" + after});
        in_head = true;
        programs.back().errors.push_back({line.substr(0, 4 + 1), parts_of(line.substr(6), " | ")});
      } else if (in_head && line.starts_with("--")) {
        const std::size_t space = line.find(' '), sign = line.find('=');
        auto& options =
            line.starts_with("--set") ? programs.back().options.settings : programs.back().options.parameters;
        options[line.substr(space + 1, sign - space - 1)] = line.substr(sign + 1);
      } else if (in_frame) {
        if (line == "..." || line == "    ...")
          below = true;
        else
          (below ? after : before) += line + "\n";
      } else if (!programs.empty() && !line.empty()) {
        in_head = false;
        std::string& text = programs.back().text;
        text.insert(text.find("@end@"), line + "\n");
      }
    }
  }
  for (WrongProgram& program : programs) program.text.erase(program.text.find("@end@"), 5);
  return programs;
}

// The places of the marks, which are taken out of the text.
std::vector<std::pair<int, int>> marks_in(std::string& text) {
  std::vector<std::pair<int, int>> marks;
  for (std::size_t at = text.find("@@"); at != std::string::npos; at = text.find("@@")) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    const std::size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    marks.emplace_back(line, at - (newline == std::string::npos ? 0 : newline + 1) + 1);
    text.erase(at, 2);
  }
  return marks;
}

TEST(WrongPrograms, GetTheMessagesThatTheyShould) {
  const std::vector<WrongProgram> programs = wrong_programs();
  EXPECT_GE(programs.size(), 300u);
  for (const WrongProgram& program : programs) {
    std::string text = program.text;
    const auto marks = marks_in(text);
    Elaborated result;
    elaborate_text(text, result, program.options);
    const std::string shown = result.diagnostics.render();
    SCOPED_TRACE(fmt::format("{}:{}\n{}{}", program.file, program.line, text, shown));
    const auto messages = result.diagnostics.sorted();
    EXPECT_EQ(messages.size(), program.errors.size());
    for (std::size_t i = 0; i < std::min(messages.size(), program.errors.size()); ++i) {
      const Announced& announced = program.errors[i];
      EXPECT_EQ(diagnostic_code(messages[i]->kind), announced.code);
      EXPECT_NE(messages[i]->text.find(announced.texts[0]), std::string::npos) << announced.texts[0];
      for (const std::string& more : announced.texts) EXPECT_NE(shown.find(more), std::string::npos) << more;
      if (i >= marks.size()) {
        EXPECT_TRUE(messages[i]->location.file != "test.nn") << "no place is marked";
        continue;
      }
      EXPECT_EQ(messages[i]->location.line, marks[i].first);
      EXPECT_EQ(messages[i]->location.column, marks[i].second);
    }
  }
}

} // namespace
} // namespace striate
