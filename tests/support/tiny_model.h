// A decoder and a corpus small enough for dense f64 mathematics.
//
// Its 20 tokens: the letters a to p, the space, the full stop, <s> (18, put before every text) and </s> (19).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/model/model.h"
#include "runtime/random.h"
#include "runtime/trace/trace.h"

namespace stemma::test {

inline constexpr int tiny_vocabulary = 20;

std::string tiny_tokenizer_json();
std::string tiny_tokenizer_config();
void write_tiny_tokenizer(const std::filesystem::path& folder);
ModelConfig tiny_config(int layers, bool tied);

// Random weights, large enough that every part of the model matters.
std::shared_ptr<Model> random_model(const ModelConfig& config, uint64_t seed, double spread = 0.4);
Corpus corpus_of(const std::vector<std::string>& texts);
std::string random_word(Random& random, size_t letters);

// "ab cdefg": a name and what belongs to it. Every document is as long as the others.
std::vector<std::string> random_texts(size_t count, uint64_t seed, size_t letters = 5);

// A trace of `text` whose tokens are cut at `cuts`: the prompt, thoughts, and the answer last.
Trace trace_of(const Model& model, const std::string& text, const std::vector<int32_t>& cuts);

}  // namespace stemma::test
