// Every operator's derived gradient against central differences in f64, at awkward shapes: 1, primes, 17, 33,
// and batches of 1, 3, 16 and 17.
#include "tests/conformance/gradient_cases.h"
#include "tests/conformance/operator_subject.h"

#include "support/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace striate {
namespace {

constexpr double kTolerance = 1e-6;
constexpr double kStep = 1e-5;
constexpr int kProbes = 6; // elements of each input that are moved one by one
constexpr uint64_t kNoise = 77;

double draw(uint64_t which, std::size_t element) {
  return uniform(kNoise, element, 0, static_cast<uint32_t>(which));
}

// Values kept apart from 0 and, by their number, from each other: central differences must not cross a kink.
ReferenceTensor values_for(const GradientInput& input, const TensorType& type, int64_t batch,
                           uint64_t which) {
  ReferenceTensor tensor = reference_tensor(type, batch);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double u = draw(which, i);
    switch (input.range) {
    case GradientInput::Range::AnySign:
      tensor.values[i] = (2 * u - 1 < 0 ? -1 : 1) * (0.01 + std::abs(2 * u - 1));
      break;
    case GradientInput::Range::Positive:
      tensor.values[i] = 0.1 + u;
      break;
    case GradientInput::Range::Label:
      tensor.values[i] = std::floor(u * static_cast<double>(input.classes));
      break;
    }
  }
  return tensor;
}

double weighted_sum(const std::vector<ReferenceTensor>& outputs, const std::vector<ReferenceTensor>& seeds) {
  double sum = 0;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    for (std::size_t i = 0; i < outputs[k].values.size(); ++i)
      sum += seeds[k].values[i] * outputs[k].values[i];
  }
  return sum;
}

class Gradient : public ::testing::TestWithParam<GradientCase> {};

TEST_P(Gradient, AgreesWithCentralDifferences) {
  const GradientCase& test = GetParam();
  for (int64_t batch : {1, 3, 16, 17}) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    OperatorCall call{test.op, {}, parse_attributes(test.attributes), batch};
    std::vector<ReferenceTensor> inputs;
    for (const GradientInput& input : test.inputs) {
      const bool label = input.range == GradientInput::Range::Label;
      TensorType type{label ? ElementType::I32 : ElementType::F32, {}};
      for (int64_t size : input.shape) type.shape.push_back(size == kN ? Size::n() : Size::constant(size));
      call.inputs.push_back(type);
      inputs.push_back(values_for(input, type, batch, inputs.size()));
    }
    const std::optional<OperatorSubject> subject = OperatorSubject::make(call);
    ASSERT_TRUE(subject.has_value());
    std::vector<ReferenceTensor> seeds = subject->outputs(inputs);
    for (std::size_t k = 0; k < seeds.size(); ++k) {
      for (std::size_t i = 0; i < seeds[k].values.size(); ++i) seeds[k].values[i] = 2 * draw(100 + k, i) - 1;
    }
    const std::vector<ReferenceTensor> gradients = subject->gradients(inputs, seeds);
    ASSERT_FALSE(HasFailure());

    const auto difference = [&](std::size_t input, const std::vector<double>& direction) {
      std::vector<ReferenceTensor> moved = inputs;
      double change = 0;
      for (double sign : {1.0, -1.0}) {
        for (std::size_t i = 0; i < direction.size(); ++i)
          moved[input].values[i] = inputs[input].values[i] + sign * kStep * direction[i];
        change += sign * weighted_sum(subject->outputs(moved), seeds);
      }
      return change / (2 * kStep);
    };
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      const std::vector<double>& gradient = gradients[input].values;
      if (gradient.empty()) continue;
      double scale = 1e-3, total = 1e-3;
      for (double value : gradient) {
        scale = std::max(scale, std::abs(value));
        total += std::abs(value);
      }
      // All elements at once, then some one by one, the first and the last among them.
      std::vector<double> direction(gradient.size());
      double along = 0;
      for (std::size_t i = 0; i < direction.size(); ++i) {
        direction[i] = 2 * draw(200 + input, i) - 1;
        along += direction[i] * gradient[i];
      }
      EXPECT_NEAR(difference(input, direction), along, kTolerance * total) << "input " << input;
      for (int probe = 0; probe < kProbes; ++probe) {
        const std::size_t at = probe == 0 ? 0
                               : probe == 1
                                   ? gradient.size() - 1
                                   : static_cast<std::size_t>(draw(300 + input, probe) * gradient.size());
        std::fill(direction.begin(), direction.end(), 0);
        direction[at] = 1;
        EXPECT_NEAR(difference(input, direction), gradient[at], kTolerance * scale)
            << "input " << input << " at " << at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Library, Gradient, ::testing::ValuesIn(gradient_cases()),
                         [](const auto& info) { return info.param.op + "_" + std::to_string(info.index); });

} // namespace
} // namespace striate
