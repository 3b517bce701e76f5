// NumPy's .npy files, versions 1 to 3: f32, f64, i32, i64, u8 and bool of either byte order.
// Guarantees: Fortran order is turned into row-major order; i64 becomes i32 and is refused where a value does
// not fit; any damaged file is an error, and nothing larger than the file is ever allocated.
#pragma once

#include "runtime/tensor.h"

#include <string>
#include <string_view>

namespace striate {

Result<Tensor> read_npy(const std::string& path);
// `name` is how messages call the bytes.
Result<Tensor> parse_npy(std::string_view bytes, const std::string& name);

Status write_npy(const std::string& path, const Tensor& tensor);
std::string npy_bytes(const Tensor& tensor);

} // namespace striate
