#include "tests/targets/target_run.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace striate {

constexpr unsigned char kUntouched = 0xa5, kNoNumber = 0xff;

std::vector<float> scalar_slots(const Program& program,
                                const std::vector<std::pair<std::string, double>>& scalars, int64_t examples,
                                int64_t step) {
  std::vector<float> slots;
  for (const std::string& name : program.scalars) {
    float value = 0;
    if (name == "N") value = static_cast<float>(examples);
    if (name == "1/N") value = static_cast<float>(1.0 / static_cast<double>(examples));
    if (name == "step") value = static_cast<float>(step);
    if (name == "epoch") value = static_cast<float>(step / 2);
    if (name == "seed.low") value = std::bit_cast<float>(static_cast<uint32_t>(kRunSeed));
    if (name == "seed.high") value = std::bit_cast<float>(static_cast<uint32_t>(kRunSeed >> 32));
    for (const auto& [scalar, initial] : scalars)
      if (scalar == name) value = static_cast<float>(initial);
    slots.push_back(value);
  }
  return slots;
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
