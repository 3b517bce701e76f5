#include "runtime/feature_fit.h"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace striate {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

// Examples that are looked at together.
static constexpr int64_t kRows = 256;

// Calls see(numbers) for blocks of examples, one column of the matrix each.
template <typename See>
static Status for_each_block(const Split& split, const Column& column, int64_t features, const See& see) {
  split.table->announce(split.rows);
  for (int64_t begin = 0; begin < split.size(); begin += kRows) {
    const std::span<const int64_t> rows =
        std::span(split.rows)
            .subspan(static_cast<std::size_t>(begin),
                     static_cast<std::size_t>(std::min(kRows, split.size() - begin)));
    const Result<FetchedRows> fetched = fetch_rows(column, rows);
    if (!fetched) return fetched.failure();
    Matrix numbers(features, static_cast<int64_t>(rows.size()));
    for (int64_t r = 0; r < numbers.cols(); ++r)
      for (int64_t f = 0; f < features; ++f)
        numbers(f, r) =
            fetched->values->number(fetched->positions[static_cast<std::size_t>(r)] * features + f);
    see(numbers);
  }
  return {};
}

static Tensor tensor_of(const Vector& values) {
  Tensor tensor(ElementType::F32, {values.size()});
  for (int64_t k = 0; k < values.size(); ++k)
    tensor.as<float>()[static_cast<std::size_t>(k)] = static_cast<float>(values[k]);
  return tensor;
}

static int64_t features_of(const Column& column) {
  int64_t features = 1;
  for (int64_t size : column.example_shape()) features *= size;
  return features;
}

static Result<Vector> mean_of(const Split& split, const Column& column, int64_t features) {
  Vector sum = Vector::Zero(features);
  const Status status =
      for_each_block(split, column, features, [&](const Matrix& numbers) { sum += numbers.rowwise().sum(); });
  if (!status) return status.failure();
  return Vector(sum / static_cast<double>(split.size()));
}

// The mean over each run of `inside` values.
static Vector pooled(const Vector& values, int64_t inside) {
  Vector result(values.size() / inside);
  for (int64_t c = 0; c < result.size(); ++c) result[c] = values.segment(c * inside, inside).mean();
  return result;
}

Result<FeatureFit> fit_standardization(const Split& split, std::size_t number, int64_t groups) {
  const Column& column = split.table->columns[number];
  const int64_t features = features_of(column);
  CHECK(groups >= 1 && features % groups == 0, "{} of {}", groups, features);
  const int64_t inside = features / groups;
  Result<Vector> each = mean_of(split, column, features);
  if (!each) return each.failure();
  const Vector mean = pooled(*each, inside);
  Vector squares = Vector::Zero(features);
  const Status status = for_each_block(split, column, features, [&](const Matrix& numbers) {
    for (int64_t f = 0; f < features; ++f)
      squares[f] += (numbers.row(f).array() - mean[f / inside]).square().sum();
  });
  if (!status) return status.failure();
  const Vector variance = pooled(squares, inside) / static_cast<double>(split.size());
  const Vector scale = variance.unaryExpr([](double v) { return v > 0 ? 1 / std::sqrt(v) : 1; });
  return FeatureFit{tensor_of(mean), tensor_of(scale)};
}

Result<WhiteningFit> fit_whitening(const Split& split, std::size_t number, int64_t kept, double epsilon,
                                   bool zca) {
  const Column& column = split.table->columns[number];
  const int64_t features = features_of(column);
  Result<Vector> mean = mean_of(split, column, features);
  if (!mean) return mean.failure();
  Matrix covariance = Matrix::Zero(features, features);
  const Status status = for_each_block(split, column, features, [&](const Matrix& numbers) {
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(numbers.colwise() - *mean);
  });
  if (!status) return status.failure();
  covariance /= static_cast<double>(split.size());
  // Looks at the lower half alone; values come in increasing order.
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
  if (solver.info() != Eigen::Success)
    return bad_data("the directions of column {} of `{}` cannot be found: its numbers are not finite", number,
                    split.name);
  Matrix basis(kept, features);
  for (int64_t k = 0; k < kept; ++k) {
    Vector direction = solver.eigenvectors().col(features - 1 - k);
    int64_t largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction[largest] < 0) direction = -direction;
    const double variance = std::max(solver.eigenvalues()[features - 1 - k], 0.0) + epsilon;
    basis.row(k) = direction / (variance > 0 ? std::sqrt(variance) : 1);
  }
  if (zca) {
    Matrix turned = Matrix::Zero(features, features);
    for (int64_t k = 0; k < features; ++k)
      turned += basis.row(k).adjoint() * basis.row(k) / basis.row(k).norm();
    basis = std::move(turned);
  }
  WhiteningFit fit{tensor_of(*mean), Tensor(ElementType::F32, {kept, features})};
  for (int64_t k = 0; k < kept; ++k)
    for (int64_t f = 0; f < features; ++f)
      fit.basis.as<float>()[static_cast<std::size_t>(k * features + f)] = static_cast<float>(basis(k, f));
  return fit;
}

} // namespace striate
