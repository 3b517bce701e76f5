// NumPy's .npy files, versions 1 to 3: f32, f64, i32, i64, u8 and bool of either byte order; and .npz files,
// which are zip archives of them.
// Guarantees: Fortran order is turned into row-major order; i64 becomes i32 and is refused where a value does
// not fit; any damaged file is an error, and nothing larger than the file is ever allocated; of an
// archive, which must be whole and has no name twice, no array is unpacked beyond the size that it says.
#pragma once

#include "runtime/tensor.h"

#include <string>
#include <string_view>
#include <vector>

namespace striate {

Result<Tensor> read_npy(const std::string& path);
// `name` is how messages call the bytes.
Result<Tensor> parse_npy(std::string_view bytes, const std::string& name);
// How long the file is by its header, which lies in the first 64 KiB.
Result<int64_t> npy_file_bytes(std::string_view beginning, const std::string& name);
// These arrays of a .npz file, in the order asked for; all of them, in the file's order, where none is asked
// for.
Result<std::vector<NamedTensor>> read_npz(const std::string& path, const std::vector<std::string>& arrays);

Status write_npy(const std::string& path, const Tensor& tensor);
std::string npy_bytes(const Tensor& tensor);

} // namespace striate
