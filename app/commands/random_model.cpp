#include "app/commands/random_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>

#include "app/commands/model_size.h"
#include "app/commands/terminal.h"
#include "runtime/error.h"
#include "runtime/random.h"

namespace stemma {
namespace {

struct Shape {
  int layers, width, heads, key_value_heads, mlp_width, vocabulary, context;
  bool tied;
};
const std::map<std::string, Shape> shapes = {{"demo", {4, 160, 5, 5, 432, 1024, 2048, true}},
                                             {"10m", {6, 384, 6, 6, 1024, 4096, 2048, true}},
                                             {"124m", {12, 768, 12, 12, 2048, 50257, 2048, true}},
                                             {"smollm-135m", {30, 576, 9, 3, 1536, 49152, 8192, true}},
                                             {"qwen2.5-0.5b", {24, 896, 14, 2, 4864, 151936, 32768, true}},
                                             {"llama-1b", {16, 2048, 32, 8, 8192, 128256, 131072, true}},
                                             {"llama-8b", {32, 4096, 32, 8, 14336, 128256, 131072, false}}};

// Uniform numbers of the usual deviation of 0.02. A prime many, repeated: no two rows of a matrix are alike.
constexpr size_t numbers = 1'048'573;

std::vector<float> random_numbers() {
  Random random(1);
  std::vector<float> values(numbers);
  for (float& value : values) value = static_cast<float>(0.0346 * (2 * random.uniform() - 1));
  return values;
}

}  // namespace

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes) names.push_back(name);
  return names;
}

ModelConfig shape_config(const std::string& name) {
  const Shape& shape = shapes.at(name);
  ModelConfig c;
  c.architecture = "LlamaForCausalLM";
  c.layers = shape.layers, c.width = shape.width, c.heads = shape.heads, c.key_value_heads = shape.key_value_heads;
  c.head_width = shape.width / shape.heads, c.mlp_width = shape.mlp_width, c.vocabulary = shape.vocabulary;
  c.context = shape.context, c.tied = shape.tied;
  return c;
}

double free_memory() {
  std::ifstream file("/proc/meminfo");
  double kilobytes = 0;
  for (std::string word; file >> word;)
    if (word == "MemAvailable:" && file >> kilobytes) return 1024 * kilobytes;
  return std::numeric_limits<double>::infinity();
}

Model random_model(const ModelConfig& config, std::shared_ptr<Ops> ops, double beside) {
  const double needed = size_of(config).bytes() + beside, there = free_memory();
  if (needed > there)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("this shape needs {} of memory and {} are free; choose a smaller --shape", in_bytes(needed),
                            in_bytes(there)));
  Model model;
  model.config = config;
  model.ops = std::move(ops);
  model.weights = Weights(config, model.ops);
  model.rope = rope_table(config, model.ops);
  const std::vector<float> pattern = random_numbers(), ones(static_cast<size_t>(config.width), 1.0f);
  for (const auto& named : model.weights.named()) {
    const std::vector<float>& from = named.decays ? pattern : ones;
    const auto size = static_cast<size_t>(named.tensor.size());
    for (size_t begin = 0; begin < size; begin += from.size())
      model.ops->upload(named.tensor.data + begin, from.data(), sizeof(float) * std::min(from.size(), size - begin));
  }
  return model;
}

}  // namespace stemma
