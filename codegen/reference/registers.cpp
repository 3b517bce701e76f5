#include "codegen/reference/registers.h"

#include "support/bfloat16.h"
#include "support/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace striate::reference {
namespace {

template <typename T>
struct Bits;
template <>
struct Bits<float> {
  using Word = uint32_t;
  static constexpr int kMantissa = 23, kBias = 127;
};
template <>
struct Bits<double> {
  using Word = uint64_t;
  static constexpr int kMantissa = 52, kBias = 1023;
};

// x = mantissa * 2^exponent with mantissa in [0.5, 1), read off the bits. Zeros (denormals count as zero),
// infinities and NaN are their own mantissa, with exponent 0.
template <typename T>
int64_t exponent_field(T x) {
  using Word = typename Bits<T>::Word;
  return static_cast<int64_t>((std::bit_cast<Word>(x) >> Bits<T>::kMantissa) & (2 * Bits<T>::kBias + 1));
}

template <typename T>
bool has_exponent(T x) {
  const int64_t field = exponent_field(x);
  return field != 0 && field != 2 * Bits<T>::kBias + 1;
}

template <typename T>
int64_t exponent2(T x) {
  return has_exponent(x) ? exponent_field(x) - (Bits<T>::kBias - 1) : 0;
}

template <typename T>
T mantissa2(T x) {
  using Word = typename Bits<T>::Word;
  constexpr Word field = Word{2 * Bits<T>::kBias + 1} << Bits<T>::kMantissa;
  constexpr Word half = Word{Bits<T>::kBias - 1} << Bits<T>::kMantissa;
  if (exponent_field(x) == 0) return std::copysign(T{0}, x);
  return has_exponent(x) ? std::bit_cast<T>((std::bit_cast<Word>(x) & ~field) | half) : x;
}

// By multiplications with powers of two, each exact but for overflow and underflow, which the rest then keep.
template <typename T>
T scale2(T x, int64_t power) {
  using Word = typename Bits<T>::Word;
  constexpr int64_t largest = Bits<T>::kBias, smallest = 1 - largest, beyond_all = 3 * largest;
  power = std::clamp<int64_t>(power, -beyond_all, beyond_all);
  do {
    const int64_t part = std::clamp<int64_t>(power, smallest, largest);
    x *= std::bit_cast<T>(static_cast<Word>(part + Bits<T>::kBias) << Bits<T>::kMantissa);
    power -= part;
  } while (power != 0);
  return x;
}

// Toward zero; what does not fit saturates at the limits of i32, NaN gives 0.
template <typename T>
int64_t to_int(T x) {
  constexpr int64_t low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
  if (!(x == x)) return 0;
  return x <= static_cast<T>(low) ? low : x >= static_cast<T>(high) ? high : static_cast<int64_t>(x);
}

int64_t divide_down(int64_t a, int64_t b) {
  if (b == 0) return 0;
  const int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// One instruction, with its registers at hand. Every loop is written by one of the `map` functions.
template <typename T>
class Step {
public:
  Step(const Instruction& instruction, Register<T>* registers, int count, const Buffers& buffers,
       uint64_t seed)
      : instruction_(instruction), registers_(registers), count_(count), buffers_(buffers), seed_(seed) {}

  void run();

private:
  template <typename V>
  const V* argument(int r) const {
    return values_of<V>(registers_[r]);
  }
  template <typename D, typename A, typename F>
  void map1(F f) {
    D* __restrict target = values_of<D>(registers_[instruction_.target]);
    const A* a = argument<A>(instruction_.a);
    for (int p = 0; p < count_; ++p) target[p] = f(a[p]);
  }
  template <typename D, typename A, typename F>
  void map2(F f) {
    D* __restrict target = values_of<D>(registers_[instruction_.target]);
    const A* a = argument<A>(instruction_.a);
    const A* b = argument<A>(instruction_.b);
    for (int p = 0; p < count_; ++p) target[p] = f(a[p], b[p]);
  }
  template <typename V>
  void select() {
    V* __restrict target = values_of<V>(registers_[instruction_.target]);
    const int64_t* condition = argument<int64_t>(instruction_.a);
    const V* a = argument<V>(instruction_.b);
    const V* b = argument<V>(instruction_.c);
    for (int p = 0; p < count_; ++p) target[p] = condition[p] ? a[p] : b[p];
  }
  template <typename V>
  void gather();
  // Evaluated in double and rounded once, which is what a correctly rounded function would mostly give.
  template <double (*F)(double)>
  void through_double() {
    map1<T, T>([](T x) { return static_cast<T>(F(static_cast<double>(x))); });
  }

  template <typename V>
  bool arithmetic(); // what Real and Int share; false where it is another function
  void real_function();
  void in_bounds();
  void draw();

  const Instruction& instruction_;
  Register<T>* registers_;
  int count_;
  const Buffers& buffers_;
  uint64_t seed_;
};

template <typename T>
template <typename V>
void Step<T>::gather() {
  V* target = values_of<V>(registers_[instruction_.target]);
  const int64_t* offset = argument<int64_t>(instruction_.a);
  const int64_t* guard = instruction_.b < 0 ? nullptr : argument<int64_t>(instruction_.b);
  const double* data = buffers_.operands[instruction_.immediate];
  for (int p = 0; p < count_; ++p)
    target[p] = static_cast<V>(!guard || guard[p] ? data[offset[p]] : instruction_.otherwise);
}

template <typename T>
void Step<T>::in_bounds() {
  int64_t* target = values_of<int64_t>(registers_[instruction_.target]);
  const int64_t* a = argument<int64_t>(instruction_.a);
  const int64_t* b = instruction_.b < 0 ? nullptr : argument<int64_t>(instruction_.b);
  for (int p = 0; p < count_; ++p) {
    const bool inside = a[p] >= 0 && a[p] < instruction_.immediate;
    CHECK(inside || !instruction_.required, "read at {} of a dimension of size {}", a[p],
          instruction_.immediate);
    target[p] = inside && (!b || b[p]);
  }
}

template <typename T>
void Step<T>::draw() {
  const auto stream = static_cast<uint32_t>(instruction_.immediate);
  if (instruction_.b < 0)
    return map1<T, int64_t>([=, this](int64_t element) {
      return static_cast<T>(uniform(seed_, static_cast<uint64_t>(element), instruction_.counter, stream));
    });
  map2<T, int64_t>([=, this](int64_t element, int64_t row) {
    const uint64_t place = element_of_row(static_cast<uint64_t>(element), static_cast<uint32_t>(row));
    return static_cast<T>(uniform(seed_, place, instruction_.counter, stream));
  });
}

template <typename T>
template <typename V>
bool Step<T>::arithmetic() {
  switch (instruction_.opcode) {
  case Opcode::Add:
    map2<V, V>([](V a, V b) { return a + b; });
    return true;
  case Opcode::Sub:
    map2<V, V>([](V a, V b) { return a - b; });
    return true;
  case Opcode::Mul:
    map2<V, V>([](V a, V b) { return a * b; });
    return true;
  case Opcode::Neg:
    map1<V, V>([](V a) { return -a; });
    return true;
  case Opcode::Max:
    map2<V, V>([](V a, V b) { return b > a ? b : a; });
    return true;
  case Opcode::Min:
    map2<V, V>([](V a, V b) { return b < a ? b : a; });
    return true;
  case Opcode::Abs:
    map1<V, V>([](V a) { return std::abs(a); });
    return true;
  case Opcode::Less:
    map2<int64_t, V>([](V a, V b) { return int64_t{a < b}; });
    return true;
  case Opcode::LessEqual:
    map2<int64_t, V>([](V a, V b) { return int64_t{a <= b}; });
    return true;
  case Opcode::Equal:
    map2<int64_t, V>([](V a, V b) { return int64_t{a == b}; });
    return true;
  case Opcode::Select:
    select<V>();
    return true;
  case Opcode::Gather:
    gather<V>();
    return true;
  case Opcode::ToReal:
    map1<T, V>([](V a) { return static_cast<T>(a); });
    return true;
  default:
    return false;
  }
}

template <typename T>
void Step<T>::real_function() {
  switch (instruction_.opcode) {
  case Opcode::Div:
    map2<T, T>([](T a, T b) { return a / b; });
    break;
  case Opcode::Fma: {
    T* __restrict target = values_of<T>(registers_[instruction_.target]);
    const T *a = argument<T>(instruction_.a), *b = argument<T>(instruction_.b),
            *c = argument<T>(instruction_.c);
    for (int p = 0; p < count_; ++p) target[p] = std::fma(a[p], b[p], c[p]);
    break;
  }
  case Opcode::Floor:
    map1<T, T>([](T a) { return std::floor(a); });
    break;
  case Opcode::Round:
    map1<T, T>([](T a) { return std::nearbyint(a); });
    break;
  case Opcode::Bfloat16:
    through_double<nearest_bfloat16>();
    break;
  case Opcode::Sqrt:
    map1<T, T>([](T a) { return std::sqrt(a); });
    break;
  case Opcode::Exp:
    through_double<std::exp>();
    break;
  case Opcode::Log:
    through_double<std::log>();
    break;
  case Opcode::Tanh:
    through_double<std::tanh>();
    break;
  case Opcode::Erf:
    through_double<std::erf>();
    break;
  case Opcode::Sin:
    through_double<std::sin>();
    break;
  case Opcode::Cos:
    through_double<std::cos>();
    break;
  case Opcode::Pow:
    map2<T, T>([](T a, T b) { return static_cast<T>(std::pow(double{a}, double{b})); });
    break;
  case Opcode::ToInt:
    map1<int64_t, T>([](T a) { return to_int(a); });
    break;
  case Opcode::Scale2: {
    T* target = values_of<T>(registers_[instruction_.target]);
    const T* a = argument<T>(instruction_.a);
    const int64_t* power = argument<int64_t>(instruction_.b);
    for (int p = 0; p < count_; ++p) target[p] = scale2(a[p], power[p]);
    break;
  }
  case Opcode::Exponent2:
    map1<int64_t, T>([](T a) { return exponent2(a); });
    break;
  case Opcode::Mantissa2:
    map1<T, T>([](T a) { return mantissa2(a); });
    break;
  default:
    CHECK(false, "no such function of real numbers");
  }
}

template <typename T>
void Step<T>::run() {
  const int64_t immediate = instruction_.immediate;
  switch (instruction_.opcode) {
  case Opcode::AddScaled:
    return map2<int64_t, int64_t>([=](int64_t a, int64_t b) { return a + immediate * b; });
  case Opcode::FloorDivide:
    return map1<int64_t, int64_t>([=](int64_t a) { return floor_div(a, immediate); });
  case Opcode::FloorModulo:
    return map1<int64_t, int64_t>([=](int64_t a) { return floor_mod(a, immediate); });
  case Opcode::InBounds:
    return in_bounds();
  case Opcode::Draw:
    return draw();
  case Opcode::And:
    return map2<int64_t, int64_t>([](int64_t a, int64_t b) { return a & b; });
  case Opcode::Or:
    return map2<int64_t, int64_t>([](int64_t a, int64_t b) { return a | b; });
  case Opcode::Not:
    return map1<int64_t, int64_t>([](int64_t a) { return a ^ 1; });
  default:
    break;
  }
  if (instruction_.type == ScalarType::Real) {
    if (!arithmetic<T>()) real_function();
    return;
  }
  if (arithmetic<int64_t>()) return;
  if (instruction_.opcode == Opcode::Div) return map2<int64_t, int64_t>(divide_down);
  CHECK(instruction_.opcode == Opcode::ToInt, "no such function of integers");
  map1<int64_t, int64_t>([](int64_t a) { return a; });
}

} // namespace

template <typename T>
void execute(const Instruction& instruction, Register<T>* registers, int count, const Buffers& buffers,
             uint64_t seed) {
  Step<T>(instruction, registers, count, buffers, seed).run();
}

template void execute<float>(const Instruction&, Register<float>*, int, const Buffers&, uint64_t);
template void execute<double>(const Instruction&, Register<double>*, int, const Buffers&, uint64_t);

} // namespace striate::reference
