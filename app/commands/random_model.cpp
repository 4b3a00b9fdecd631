#include "app/commands/random_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "app/commands/model_size.h"
#include "app/commands/terminal.h"
#include "kernels/half.h"
#include "runtime/error.h"
#include "runtime/model/weight_layout.h"
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

constexpr size_t blocks = 65'537;  // a prime many, repeated: no two rows of a matrix are alike

// Whole blocks of uniform numbers of a deviation near 0.02: bits may be any, but for the scales and their minima.
std::vector<std::byte> random_blocks(WeightType type) {
  const WeightFormat& format = format_of(type);
  const auto block = static_cast<size_t>(format.bytes);
  Random random(1);
  std::vector<std::byte> bytes(blocks * block);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
  const auto put = [&](size_t i, size_t at, auto bits) {
    std::memcpy(bytes.data() + i * block + at, &bits, sizeof bits);
  };
  for (size_t i = 0; i < blocks; ++i) {
    const auto number = static_cast<float>(0.0346 * (2 * random.uniform() - 1));
    switch (type) {
      case WeightType::f32:
        put(i, 0, number);
        break;
      case WeightType::bf16:
        put(i, 0, bf16_of(number));
        break;
      case WeightType::f16:
        put(i, 0, half_of(number));
        break;
      case WeightType::q4_0:
        put(i, 0, half_of(0.0043f));
        break;
      case WeightType::q4_1:
        put(i, 0, half_of(0.0046f)), put(i, 2, half_of(-0.0346f));
        break;
      case WeightType::q5_0:
        put(i, 0, half_of(0.0022f));
        break;
      case WeightType::q5_1:
        put(i, 0, half_of(0.0022f)), put(i, 2, half_of(-0.0346f));
        break;
      case WeightType::q8_0:
        put(i, 0, half_of(0.00027f));
        break;
      case WeightType::q4_k:
        put(i, 0, half_of(0.00012f)), put(i, 2, half_of(0.001f));
        break;
      case WeightType::q5_k:
        put(i, 0, half_of(0.00006f)), put(i, 2, half_of(0.001f));
        break;
      case WeightType::q6_k:
        put(i, 208, half_of(0.000015f));
        break;
    }
  }
  return bytes;
}

void expect_whole_blocks(const ModelConfig& config, WeightType type) {
  for (const WeightPlace& place : weight_layout(config))
    if (!place.vector && place.columns % format_of(type).elements)
      throw Error(ErrorCode::does_not_fit,
                  fmt::format("this shape has rows of {} weights, which {} cannot divide into blocks of {}; choose "
                              "another --dtype",
                              place.columns, format_of(type).name, format_of(type).elements));
}

std::string small(std::string_view name) {
  std::string letters(name);
  for (char& letter : letters) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return letters;
}

// Syllables that spell the number, so that no two words are alike.
std::string word(int id) {
  constexpr std::string_view consonants = "bdfgklmnprstvz", vowels = "aeiou";
  const int syllables = static_cast<int>(consonants.size() * vowels.size());
  std::string letters;
  do {
    letters = consonants[static_cast<size_t>(id % syllables) / vowels.size()] + std::string(1, vowels[id % 5]) + letters;
    id /= syllables;
  } while (id > 0);
  return letters;
}

}  // namespace

std::string made_tokenizer(int vocabulary) {
  constexpr int letters = 26, think = letters, words_a_sentence = 20;
  nlohmann::json pieces = nlohmann::json::object();
  for (int id = 0; id < vocabulary; ++id)
    pieces[id < letters ? std::string(1, static_cast<char>('a' + id))
           : id == think ? "<think>"
                         : "\u0120" + word(id) + (id % words_a_sentence == 0 ? "." : "")] = id;
  const nlohmann::json added = {{{"id", think}, {"content", "<think>"}, {"special", true}}};
  const nlohmann::json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  const nlohmann::json model = {{"type", "BPE"}, {"vocab", pieces}, {"merges", nlohmann::json::array()}};
  return nlohmann::json{{"added_tokens", added}, {"pre_tokenizer", bytes}, {"decoder", bytes}, {"model", model}}.dump();
}

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

std::vector<std::string> weight_type_names() {
  std::vector<std::string> names;
  for (const WeightFormat& format : weight_formats) names.push_back(small(format.name));
  return names;
}

WeightType weight_type(const std::string& name) {
  const auto names = weight_type_names();
  return static_cast<WeightType>(std::find(names.begin(), names.end(), name) - names.begin());
}

Model random_model(const ModelConfig& config, std::shared_ptr<Ops> ops, WeightType type, double beside) {
  expect_whole_blocks(config, type);
  const double needed = weight_bytes(config, type) + beside, there = ops->memory().free;
  if (there > 0 && needed > there)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("this shape needs {} of memory in {} and {} are free; choose a smaller --shape or --dtype",
                            in_bytes(needed), small(format_of(type).name), in_bytes(there)));
  if (!ops->takes(type))
    throw Error(ErrorCode::unsupported, fmt::format("{} does not take weights in {}; give --device cpu", ops->device(),
                                                    small(format_of(type).name)));
  Model model;
  model.config = config;
  model.config.dtype = type == WeightType::f32    ? "float32"
                       : type == WeightType::bf16 ? "bfloat16"
                       : type == WeightType::f16  ? "float16"
                                                  : format_of(type).name;
  model.ops = std::move(ops);
  std::vector<WeightType> types;
  for (const WeightPlace& place : weight_layout(config)) types.push_back(place.vector ? WeightType::f32 : type);
  model.weights = Weights(config, model.ops, types);
  model.rope = rope_table(config, model.ops);
  std::vector<std::byte> pattern = random_blocks(type);
  const size_t period = pattern.size();
  pattern.resize(2 * period);
  std::copy_n(pattern.begin(), period, pattern.begin() + static_cast<ptrdiff_t>(period));  // rows go on past its end
  const std::vector<float> ones(static_cast<size_t>(config.width), 1.0f);
  for (const auto& named : model.weights.named()) {
    const std::span all = named.decays ? std::span<const std::byte>(pattern) : std::as_bytes(std::span(ones));
    const auto bytes = static_cast<size_t>(named.matrix.row_bytes());
    for (int64_t row = 0; row < named.matrix.rows; ++row)
      model.ops->write_rows(all.subspan(static_cast<size_t>(row) * bytes % period, bytes), named.matrix, row);
  }
  return model;
}

std::shared_ptr<const Model> model_of_file(const std::filesystem::path& file, const std::string& dtype,
                                           const std::string& device) {
  if (file.empty()) return nullptr;
  const std::map<std::string, Dtype> floats = {{"f32", Dtype::f32}, {"bf16", Dtype::bf16}, {"f16", Dtype::f16}};
  const auto kept = floats.find(dtype);
  return load_model(file, open_device(device), kept == floats.end() ? Dtype::automatic : kept->second);
}

}  // namespace stemma
