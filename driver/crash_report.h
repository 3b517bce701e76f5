// What happens when Striate itself is at fault: a failed CHECK, a machine exception in its own or in
// generated code, an exception of a library. The process ends with 70 after a reproducer was written beside
// the temporary files: version, command line, what went wrong, and the program's text. Memory that runs out
// is no fault: exit code 5.
#pragma once

#include <string>

namespace striate {

// To be called once, before anything else. `program`: the `.nn` file, as soon as it is known.
void install_crash_report(const std::string& command_line);
void set_crash_program(const std::string& file);
// In a process whose end another one tells of: writes no reproducer, and a machine exception ends it as such.
void leave_crash_report();

} // namespace striate
