#include "runtime/load_weights.h"

#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "tests/runtime/scratch.h"

namespace striate {

class LoadWeights : public Scratch {
protected:
  static NamedTensor tensor(const std::string& name, std::vector<int64_t> shape, float value) {
    Tensor values(ElementType::F32, std::move(shape));
    for (float& element : values.as<float>()) element = value;
    return {name, std::move(values)};
  }

  static std::vector<NamedTensor> model() {
    std::vector<NamedTensor> weights;
    weights.push_back(tensor("backbone.conv.weight", {2, 3}, 1));
    weights.push_back(tensor("backbone.bn.mean", {2}, 1));
    weights.push_back(tensor("head.weight", {4}, 1));
    return weights;
  }

  std::string file(std::vector<NamedTensor> tensors) {
    EXPECT_TRUE(write_safetensors(path("f.safetensors"), tensors, {}).ok());
    return path("f.safetensors");
  }

  // The first element of each weight, or the message.
  static std::string loaded(const WeightLoad& load) {
    const Result<std::vector<NamedTensor>> result = with_loaded(model(), load);
    if (!result.ok()) return result.failure().message;
    std::string text;
    for (const NamedTensor& weight : *result)
      text += fmt::format("{}{}", text.empty() ? "" : " ", weight.tensor.number(0));
    return text;
  }
};

TEST_F(LoadWeights, ByFullNamesOrWithoutTheirBeginning) {
  std::vector<NamedTensor> whole = model(), part;
  for (NamedTensor& weight : whole) weight.tensor.as<float>()[0] = 5;
  EXPECT_EQ(loaded({file(std::move(whole)), {}, {}, "p"}), "5 5 5");
  part.push_back(tensor("conv.weight", {2, 3}, 7));
  part.push_back(tensor("bn.mean", {2}, 8));
  part.push_back(tensor("conv.weight/v", {2, 3}, 9)); // an optimizer's
  EXPECT_EQ(loaded({file(std::move(part)), {"backbone"}, {}, "p"}), "7 8 1");
}

TEST_F(LoadWeights, ExceptWhatBothMayCallDifferently) {
  std::vector<NamedTensor> other = model();
  other[0].tensor.as<float>()[0] = 5;
  other.pop_back();
  other.push_back(tensor("fc.weight", {7}, 3));
  EXPECT_EQ(loaded({file(std::move(other)), {}, {"head", "fc"}, "p"}), "5 1 1");
}

TEST_F(LoadWeights, EverythingThatDiffersIsListed) {
  std::vector<NamedTensor> other = model();
  other[0] = tensor("backbone.conv.weight", {3, 2}, 1);
  other[1] = tensor("backbone.bn.var", {2}, 1);
  const std::string name = file(std::move(other));
  EXPECT_EQ(
      loaded({name, {}, {}, "net.nn:9:5"}),
      "net.nn:9:5: `" + name +
          "` does not fit: it lacks `backbone.bn.mean`; other types or shapes: `backbone.conv.weight` is "
          "f32[3,2] instead of f32[2,3]; it holds more: `backbone.bn.var`");
  EXPECT_EQ(loaded({name, {"head"}, {}, "p"}), "p: `" + name +
                                                   "` does not fit: it holds more: `backbone.bn.var`, "
                                                   "`backbone.conv.weight`");
  EXPECT_EQ(loaded({name, {"head"}, {"backbone"}, "p"}), "1 1 1");
  EXPECT_NE(loaded({path("none.safetensors"), {}, {}, "net.nn:9:5"}).find("net.nn:9:5: "), std::string::npos);
}

TEST_F(LoadWeights, F64IsRounded) {
  Tensor values(ElementType::F64, {4});
  for (double& element : values.as<double>()) element = 0.1;
  std::vector<NamedTensor> tensors;
  tensors.push_back({"weight", std::move(values)});
  const Result<std::vector<NamedTensor>> result =
      with_loaded(model(), {file(std::move(tensors)), {"head"}, {}, "p"});
  ASSERT_TRUE(result.ok()) << result.failure().message;
  EXPECT_EQ((*result)[2].tensor.as<float>()[3], 0.1f);
}

} // namespace striate
