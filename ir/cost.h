// What a region or a kernel costs at the batch capacity: work, memory, and time. Shared by both text forms;
// docs/ir.md, "Costs", says what is counted.
#pragma once

#include "support/machine_speed.h"

#include <cstdint>
#include <string>

namespace striate {

class TextReader; // ir/text_reader.h

struct Cost {
  double flops = 0;          // arithmetic operations; a multiply-add is two
  int64_t bytes_read = 0;    // of the values in memory that are read, each once
  int64_t bytes_written = 0; // of those that are stored
  double predicted = 0;      // seconds that the machine's limits leave for it; 0: they are not known
  double measured = 0;       // seconds that it took; 0: nobody looked

  double bytes() const { return static_cast<double>(bytes_read) + static_cast<double>(bytes_written); }
  // Operations for each byte; 0 where it touches no memory.
  double intensity() const { return bytes() > 0 ? flops / bytes() : 0; }
  bool operator==(const Cost&) const = default;
};

// The least time on a machine, to three digits.
double predicted_seconds(const Cost& cost, const MachineSpeed& speed);
// To as many digits as mean something, so that texts stay short.
double three_digits(double value);

// "cost flops 9216 read 4096 written 2048 intensity 1.5 predicted 2.1e-07 measured 4e-07"
std::string cost_text(const Cost& cost);
// What stands after `cost`. The intensity is read and has to be that of the numbers before it.
Cost read_cost(TextReader& reader);

} // namespace striate
