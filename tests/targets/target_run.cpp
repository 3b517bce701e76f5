#include "tests/targets/target_run.h"

#include "verify/placed_program.h"

#include <cstring>
#include <map>

namespace striate {

constexpr unsigned char kUntouched = 0xa5, kNoNumber = 0xff;

std::vector<float> slots_of_step(const Program& program,
                                 const std::vector<std::pair<std::string, double>>& scalars, int64_t examples,
                                 int64_t step) {
  std::map<std::string, double> all(scalars.begin(), scalars.end());
  all["step"] = static_cast<double>(step);
  all["epoch"] = static_cast<double>(step / 2);
  return scalar_slots(program, all, examples, kRunSeed);
}

GuardedArena::GuardedArena(int64_t bytes)
    : memory_(ElementType::U8, {bytes + 2 * kGuard}),
      handed_out_(static_cast<std::size_t>(bytes + 2 * kGuard)) {
  std::memset(memory_.data(), kUntouched, handed_out_.size());
}

char* GuardedArena::data() { return static_cast<char*>(memory_.data()) + kGuard; }

void GuardedArena::hand_out(int64_t offset, int64_t bytes) {
  std::memset(data() + offset, kNoNumber, static_cast<std::size_t>(bytes));
  std::fill_n(handed_out_.begin() + kGuard + offset, bytes, true);
}

std::optional<int64_t> GuardedArena::stray_write() const {
  const auto* bytes = static_cast<const unsigned char*>(memory_.data());
  for (std::size_t k = 0; k < handed_out_.size(); ++k)
    if (!handed_out_[k] && bytes[k] != kUntouched) return static_cast<int64_t>(k) - kGuard;
  return std::nullopt;
}

} // namespace striate
