#include "tests/support/tiny_model.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/model/files/hash.h"

namespace stemma::test {

std::string tiny_tokenizer_json() {
  nlohmann::json vocabulary;
  for (int i = 0; i < 16; ++i) vocabulary[std::string(1, static_cast<char>('a' + i))] = i;
  vocabulary["\u0120"] = 16;  // a space, as byte-level vocabularies spell it
  vocabulary["."] = 17;
  return nlohmann::json{
      {"added_tokens",
       {{{"id", 18}, {"content", "<s>"}, {"special", true}}, {{"id", 19}, {"content", "</s>"}, {"special", true}}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}}
      .dump();
}

std::string tiny_tokenizer_config() { return R"({"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true})"; }

void write_tiny_tokenizer(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << tiny_tokenizer_json();
  std::ofstream(folder / "tokenizer_config.json") << tiny_tokenizer_config();
}

ModelConfig tiny_config(int layers, bool tied) {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.dtype = "float32";
  config.layers = layers, config.width = 8, config.heads = 4, config.key_value_heads = 2, config.head_width = 4;
  config.mlp_width = 12, config.vocabulary = tiny_vocabulary, config.context = 32;
  config.tied = tied, config.bos = 18, config.eos = 19;
  return config;
}

std::shared_ptr<Model> random_model(const ModelConfig& config, uint64_t seed, double spread) {
  auto model = std::make_shared<Model>();
  model->config = config;
  model->path = model->name = "tiny";
  model->ops = make_cpu_ops();
  model->tokenizer =
      std::make_shared<const Tokenizer>(tiny_tokenizer_json(), tiny_tokenizer_config(), "tokenizer.json");
  model->weights = Weights(config, model->ops);
  Random random(seed);
  for (const auto& named : model->weights.named()) {
    std::vector<float> values(static_cast<size_t>(named.tensor.size()));
    for (float& value : values) value = static_cast<float>(named.at_start + spread * random.normal());
    model->ops->upload(named.tensor.data, values.data(), values.size() * sizeof(float));
  }
  make_rope_tables(*model);
  model->hash = hash_of(config, model->weights, *model->ops);
  return model;
}

Corpus corpus_of(const std::vector<std::string>& texts) {
  Corpus corpus;
  Hasher hasher;
  for (size_t i = 0; i < texts.size(); ++i) {
    Document document;
    document.id = "tiny.jsonl:" + std::to_string(i);
    document.source = "tiny";
    document.text = texts[i];
    hasher.add(document.text);
    corpus.documents.push_back(document);
  }
  corpus.hash = hasher.hex();
  corpus.total = static_cast<int64_t>(texts.size());
  return corpus;
}

std::string random_word(Random& random, size_t letters) {
  std::string word;
  while (word.size() < letters) word += static_cast<char>('a' + random.below(16));
  return word;
}

std::vector<std::string> random_texts(size_t count, uint64_t seed, size_t letters) {
  Random random(seed);
  std::vector<std::string> texts;
  while (texts.size() < count) texts.push_back(random_word(random, 2) + " " + random_word(random, letters));
  return texts;
}

Trace trace_of(const Model& model, const std::string& text, const std::vector<int32_t>& cuts) {
  Trace trace;
  trace.id = "t001";
  trace.model_hash = model.hash;
  trace.text = text;
  trace.tokens = model.tokenizer->encode(text);
  trace.tokens.insert(trace.tokens.begin(), model.tokenizer->bos());
  trace.prompt_tokens = cuts.front();
  int32_t begin = 0;
  for (const int32_t cut : cuts) {
    trace.steps.push_back({begin, cut, begin == 0 ? StepKind::prompt : StepKind::thought, "", ""});
    begin = cut;
  }
  trace.steps.push_back({begin, trace.size(), StepKind::answer, "", ""});
  return trace;
}

}  // namespace stemma::test
