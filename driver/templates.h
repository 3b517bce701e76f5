// What `striate new` writes: programs of driver/templates, with `@NAME@` for the program's name, and the
// bundled digits.
#pragma once

#include <string>
#include <vector>

namespace striate {

struct TemplateFile {
  std::string name; // "digits.nn"
  std::string text;
};

const std::vector<TemplateFile>& program_templates();
const std::vector<TemplateFile>& template_data(); // "digits.csv.gz"

} // namespace striate
