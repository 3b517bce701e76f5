#include "api/striate.h"

#include "driver/session.h"
#include "support/version.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <utility>

using namespace striate;

struct striate_model {
  Session session;
  std::array<std::vector<SessionTensor>, 5> lists; // by striate_list
  std::vector<std::string> settings;
};

namespace {

thread_local std::string last_error;

int failed(const Failure& failure) {
  last_error = failure.message;
  return static_cast<int>(failure.code);
}
int usage(std::string message) { return failed({ExitCode::Usage, std::move(message)}); }
int done(const Status& status) { return status ? STRIATE_OK : failed(status.failure()); }

constexpr std::pair<striate_type, ElementType> kTypes[] = {{STRIATE_F32, ElementType::F32},
                                                           {STRIATE_F64, ElementType::F64},
                                                           {STRIATE_I32, ElementType::I32},
                                                           {STRIATE_U8, ElementType::U8}};

striate_type type_of(ElementType element) {
  for (const auto& [type, own] : kTypes)
    if (own == element) return type;
  return STRIATE_U8; // bool: a byte each
}

// Runs `function` and answers memory that is not there, which may be anyone's.
template <typename Function>
int guarded(Function&& function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return failed({ExitCode::OutOfMemory, "there is not enough memory"});
  }
}

// The array as a tensor of examples, or of the whole shape; a copy.
Result<Tensor> tensor_of(const striate_array& array, std::vector<int64_t> shape) {
  const auto type = std::ranges::find(kTypes, array.type, [](const auto& pair) { return pair.first; });
  if (type == std::end(kTypes))
    return Failure{ExitCode::Usage,
                   fmt::format("`{}` has the type {}, which is none", array.name, array.type)};
  const std::optional<int64_t> count = element_count(type->second, shape);
  if (!count || *count != array.count)
    return Failure{ExitCode::Usage, fmt::format("`{}` is {}, but {} elements are given", array.name,
                                                tensor_type_text(type->second, shape), array.count)};
  if (array.count > 0 && !array.data)
    return Failure{ExitCode::Usage, fmt::format("`{}` has no data", array.name)};
  Result<Tensor> tensor = Tensor::allocate(type->second, std::move(shape));
  if (tensor && array.count > 0)
    std::memcpy(tensor->data(), array.data, static_cast<std::size_t>(tensor->bytes()));
  return tensor;
}

int copy_out(const Tensor& tensor, const striate_array& array) {
  if (array.type != type_of(tensor.element()) || array.count != tensor.elements() ||
      (array.count > 0 && !array.data))
    return usage(fmt::format("`{}` is {}: {} elements of another type or number are given for it", array.name,
                             tensor.type_text(), array.count));
  if (array.count > 0) std::memcpy(array.data, tensor.data(), static_cast<std::size_t>(tensor.bytes()));
  return STRIATE_OK;
}

const SessionTensor* find(const std::vector<SessionTensor>& list, const char* name) {
  const auto found = std::ranges::find(list, std::string_view(name), &SessionTensor::name);
  return found == list.end() ? nullptr : &*found;
}

// What striate_run and striate_train_step share.
template <typename Function>
int call(striate_model* model, bool of_step, int64_t examples, const striate_array* inputs,
         int64_t input_count, const striate_array* outputs, int64_t output_count, Function&& function) {
  const std::vector<SessionTensor>& known = model->lists[of_step ? STRIATE_STEP_INPUTS : STRIATE_INPUTS];
  std::map<std::string, Tensor> tensors;
  for (int64_t k = 0; k < input_count; ++k) {
    const SessionTensor* own = find(known, inputs[k].name);
    // An unknown one keeps its elements in a row: the session tells which inputs there are.
    std::vector<int64_t> shape =
        own ? own->shape : std::vector{examples > 0 ? inputs[k].count / examples : 0};
    shape.insert(shape.begin(), examples);
    Result<Tensor> tensor = tensor_of(inputs[k], std::move(shape));
    if (!tensor) return failed(tensor.failure());
    tensors.insert_or_assign(inputs[k].name, std::move(*tensor));
  }
  const Result<std::map<std::string, Tensor>> results = function(tensors);
  if (!results) return failed(results.failure());
  for (int64_t k = 0; k < output_count; ++k) {
    const auto result = results->find(outputs[k].name);
    if (result == results->end()) return usage(fmt::format("there is no output `{}`", outputs[k].name));
    if (const int code = copy_out(result->second, outputs[k]); code != STRIATE_OK) return code;
  }
  return STRIATE_OK;
}

std::vector<std::string> list_of(const char* const* texts) {
  std::vector<std::string> list;
  for (; texts && *texts; ++texts) list.emplace_back(*texts);
  return list;
}

} // namespace

int striate_api_version(void) { return STRIATE_API_VERSION; }
const char* striate_version(void) { return kVersion; }
const char* striate_error(void) { return last_error.c_str(); }

int striate_open(const char* program, const striate_options* given, striate_model** model) {
  *model = nullptr;
  return guarded([&] {
    Options options;
    options.file = program;
    options.progress = "none";
    bool training = false;
    if (given) {
      if (given->weights) options.weights = given->weights;
      if (given->data) options.data = given->data;
      options.parameters = list_of(given->parameters);
      options.settings = list_of(given->settings);
      if (given->batch < 0 || given->threads < 0) return usage("`batch` and `threads` are not negative");
      options.batch = given->batch;
      options.threads = given->threads;
      training = given->training != 0;
    }
    Result<Session> session = Session::open(options, training);
    if (!session) return failed(session.failure());
    auto opened = std::make_unique<striate_model>(striate_model{std::move(*session), {}, {}});
    const Session& own = opened->session;
    opened->lists = {own.inputs(false), own.outputs(false),
                     training ? own.inputs(true) : std::vector<SessionTensor>{},
                     training ? own.outputs(true) : std::vector<SessionTensor>{}, own.weights()};
    opened->settings = own.scalars();
    *model = opened.release();
    return STRIATE_OK;
  });
}

void striate_close(striate_model* model) { delete model; }

int64_t striate_capacity(const striate_model* model) { return model->session.capacity(); }

int64_t striate_count(const striate_model* model, striate_list list) {
  const auto number = static_cast<std::size_t>(list);
  return number < model->lists.size() ? std::ssize(model->lists[number]) : 0;
}

int striate_describe(const striate_model* model, striate_list list, int64_t index, striate_tensor* tensor) {
  if (index < 0 || index >= striate_count(model, list))
    return usage(fmt::format("there is no number {} in this list of {}", index, striate_count(model, list)));
  const SessionTensor& own = model->lists[static_cast<std::size_t>(list)][static_cast<std::size_t>(index)];
  *tensor = {own.name.c_str(), type_of(own.element), own.batch ? 1 : 0, static_cast<int>(own.shape.size()),
             own.shape.data()};
  return STRIATE_OK;
}

int striate_run(striate_model* model, int64_t examples, const striate_array* inputs, int64_t input_count,
                const striate_array* outputs, int64_t output_count) {
  return guarded([&] {
    return call(model, false, examples, inputs, input_count, outputs, output_count,
                [&](const auto& tensors) { return model->session.run(tensors); });
  });
}

int striate_train_step(striate_model* model, int64_t examples, const striate_array* inputs,
                       int64_t input_count, const striate_array* outputs, int64_t output_count) {
  return guarded([&] {
    return call(model, true, examples, inputs, input_count, outputs, output_count,
                [&](const auto& tensors) { return model->session.train_step(tensors); });
  });
}

const char* striate_setting_name(const striate_model* model, int64_t index) {
  return index >= 0 && index < std::ssize(model->settings)
             ? model->settings[static_cast<std::size_t>(index)].c_str()
             : nullptr;
}

int striate_get_setting(const striate_model* model, const char* name, double* value) {
  if (std::ranges::find(model->settings, std::string_view(name)) == model->settings.end())
    return usage(fmt::format("there is no setting `{}`", name));
  *value = model->session.scalar(name);
  return STRIATE_OK;
}

int striate_set_setting(striate_model* model, const char* name, double value) {
  return done(model->session.set_scalar(name, value));
}

int striate_read(const striate_model* model, const striate_array* weight) {
  return guarded([&] {
    const Result<Tensor> tensor = model->session.read(weight->name);
    return tensor ? copy_out(*tensor, *weight) : failed(tensor.failure());
  });
}

int striate_write(striate_model* model, const striate_array* weight) {
  return guarded([&] {
    const SessionTensor* own = find(model->lists[STRIATE_WEIGHTS], weight->name);
    Result<Tensor> tensor = tensor_of(*weight, own ? own->shape : std::vector{weight->count});
    return tensor ? done(model->session.write(weight->name, std::move(*tensor))) : failed(tensor.failure());
  });
}

int striate_load(striate_model* model, const char* file) {
  return guarded([&] { return done(model->session.load(file)); });
}

int striate_save(const striate_model* model, const char* file) {
  return guarded([&] { return done(model->session.save(file)); });
}
