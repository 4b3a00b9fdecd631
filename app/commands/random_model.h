// Models of real shapes with random weights, for benchmarks: no file is needed, and no weight matters.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model/model.h"

namespace stemma {

// "demo", "10m", "124m": one head of keys for each of queries. "smollm-135m", "qwen2.5-0.5b", "llama-1b", "llama-8b":
// as published.
std::vector<std::string> shape_names();
// Llama's architecture. Throws std::out_of_range for another name.
ModelConfig shape_config(const std::string& name);

// "f32", "bf16", "f16", "q4_0", ...: names of kernels/weight_matrix.h in small letters.
std::vector<std::string> weight_type_names();
WeightType weight_type(const std::string& name);

// The same weights every time, matrices in `type`. Throws Error(does_not_fit), before memory is taken, where the
// weights and `beside` bytes more are not free, and where the type does not fit the shape.
Model random_model(const ModelConfig& config, std::shared_ptr<Ops> ops, WeightType type = WeightType::f32,
                   double beside = 0);

// The model of a file, for a benchmark: f32, bf16 and f16 as asked, blocks as they are stored. Null without a file.
std::shared_ptr<const Model> model_of_file(const std::filesystem::path& file, const std::string& dtype,
                                           const std::string& device);

// A tokenizer for it, as text: tokenizer.json. The first 26 ids are letters, the next opens a thought ("<think>"); each
// other is a word of its own, every twentieth of which ends a sentence, so that what it writes has steps.
std::string made_tokenizer(int vocabulary);

}  // namespace stemma
