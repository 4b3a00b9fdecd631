// GGUF files that another program wrote against the same numbers in safetensors: tests/golden/gguf/make.py.
#include "runtime/model/files/gguf_model.h"

#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"
#include "runtime/model/files/model_source.h"
#include "runtime/model/forward.h"
#include "runtime/model/model.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/says.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

const fs::path golden = fs::path(STEMMA_SOURCE_DIR) / "tests/golden/gguf";

std::vector<float> values_of(const StoredTensor& tensor, int64_t begin = 0) {
  std::vector<float> values(static_cast<size_t>(tensor.size() - begin));
  read_f32(tensor, begin, values, "file");
  return values;
}

std::vector<float> downloaded(Ops& ops, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  ops.download(values.data(), tensor.data, values.size() * sizeof(float));
  return values;
}

// Of a text beyond windows and original contexts.
std::vector<float> logits_of(const Model& model) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 30; ++i) ids.push_back((7 * i + 3) % 32);
  Workspace workspace(model);
  Batch batch;
  batch.add(ids);
  const Tensor hidden = forward(workspace, batch);
  const Buffer logits(model.ops, hidden.rows, model.config.vocabulary);
  model.ops->matmul(hidden, false, model.weights.unembedding, true, logits);
  std::vector<float> values(static_cast<size_t>(logits.view().size()));
  logits.download(values.data());
  return values;
}

// To the sign of nothing.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Gguf parsed(const std::string& file) {
  return Gguf(std::as_bytes(std::span(file.data(), file.size())), "folder/model.gguf");
}

// Metadata of a small llama, and an embedding.
GgufBytes small_llama(const std::string& family = "llama") {
  GgufBytes gguf;
  gguf.text("general.architecture", family);
  for (const auto& [key, value] : {std::pair("block_count", 2),
                                   {"embedding_length", 32},
                                   {"feed_forward_length", 64},
                                   {"attention.head_count", 4},
                                   {"attention.head_count_kv", 2},
                                   {"context_length", 64}})
    gguf.u32(family + "." + key, static_cast<uint32_t>(value));
  gguf.f32(family + ".attention.layer_norm_rms_epsilon", 1e-5f);
  gguf.tensor("token_embd.weight", {32, 32}, 1, std::string(32 * 32 * 2, '\0'));
  return gguf;
}

}  // namespace

class GgufModelTest : public QObject {
  Q_OBJECT

 private slots:
  void blocks_decode_to_the_very_floats() {
    const GgufFile file(golden / "blocks.gguf");
    int formats = 0, same = 0;
    for (const StoredTensor& tensor : file.tensors()) {
      const auto floats = std::find_if(file.tensors().begin(), file.tensors().end(),
                                       [&](const auto& other) { return other.name == tensor.name + ".floats"; });
      if (floats == file.tensors().end()) continue;
      ++formats;
      QCOMPARE(floats->dtype, std::string("F32"));
      const bool equal = same_bits(values_of(tensor), values_of(*floats));
      same += equal;
      QVERIFY2(equal, tensor.name.c_str());
      for (const int64_t begin : {1, 31, 33, 50})  // not at a block's first
        QVERIFY2(same_bits(values_of(tensor, begin), values_of(*floats, begin)), tensor.name.c_str());
    }
    qInfo("%d of %d formats decode to the very floats of the package gguf", same, formats);
    QCOMPARE(formats, 12);
  }

  void a_llama_is_its_safetensors_twin() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    for (const char* twin : {"safetensors", "gguf"}) {
      write_tiny_tokenizer(folder / twin);
      fs::copy(golden / "llama" / (std::string("model.") + twin), folder / twin);
    }
    fs::copy(golden / "llama/config.json", folder / "safetensors");

    const auto ops = make_cpu_ops();
    const auto twin = load_model(folder / "safetensors", ops), model = load_model(folder / "gguf/model.gguf", ops),
               alone = load_model(folder / "gguf", ops);
    for (size_t i = 0; i < twin->weights.named().size(); ++i) {
      const auto ours = model->weights.named()[i], theirs = twin->weights.named()[i];
      QVERIFY2(same_bits(downloaded(*ops, ours.tensor), downloaded(*ops, theirs.tensor)), ours.name.c_str());
    }
    QCOMPARE(model->hash, twin->hash);  // of every weight and the shape
    QCOMPARE(alone->hash, twin->hash);
    QVERIFY(same_bits(logits_of(*model), logits_of(*twin)));
    QCOMPARE(model->name, std::string("model"));
    QCOMPARE(alone->name, std::string("gguf"));
    QCOMPARE(alone->path, fs::canonical(folder / "gguf") / "model.gguf");
    QCOMPARE(model->config.norm_epsilon, twin->config.norm_epsilon);
    QVERIFY(model->config.tied);
    QVERIFY(twin->config.ends_text(19) && model->config.ends_text(19));  // </s>, which the tokenizer alone names
  }

  // llama.cpp's own converter made these of the families' goldens: tests/golden/gguf/convert_families.py.
  void every_family_is_its_safetensors_twin() {
    // What the format does not keep: Gemma's scale of queries and which of its layers slide, windows of Mistral, Qwen
    // and SmolLM, layers without rotary positions other than every fourth, another activation than the family's.
    const std::set<std::string> lossy = {"gemma2",  "gemma3", "gpt-neox-serial", "llama-dynamic",
                                         "mistral", "qwen2",  "smollm3"};
    int found = 0, weights_same = 0, logits_same = 0;
    double largest = 0;
    for (const auto& entry : fs::directory_iterator(golden / "families")) {
      const std::string name = entry.path().stem().string();
      ++found;
      QTemporaryDir temporary;
      const fs::path folder = temporary.path().toStdString();
      fs::copy(entry.path(), folder / "model.gguf");
      fs::copy(golden.parent_path() / name / "tokenizer.json", folder / "tokenizer.json");
      const auto ops = make_cpu_ops();
      const auto twin = load_model(golden.parent_path() / name, ops), model = load_model(folder, ops);
      QVERIFY2(model->config.block == twin->config.block || lossy.contains(name), name.c_str());
      QCOMPARE(model->weights.named().size(), twin->weights.named().size());
      for (size_t i = 0; i < twin->weights.named().size(); ++i) {
        const auto ours = model->weights.named()[i], theirs = twin->weights.named()[i];
        auto expected = downloaded(*ops, theirs.tensor);
        if (ours.tensor.rows == model->config.vocabulary)  // Gemma's converter drops rows that no token has
          expected.resize(static_cast<size_t>(ours.tensor.size()));
        QVERIFY2(same_bits(downloaded(*ops, ours.tensor), expected), (name + " " + ours.name).c_str());
      }
      ++weights_same;
      if (model->config.vocabulary != twin->config.vocabulary) {
        QVERIFY2(lossy.contains(name), name.c_str());
        continue;
      }
      const auto logits = logits_of(*model), expected = logits_of(*twin);
      double apart = 0, most = 0;
      for (size_t i = 0; i < logits.size(); ++i) {
        apart = std::max(apart, std::abs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])));
        most = std::max(most, std::abs(static_cast<double>(expected[i])));
      }
      if (lossy.contains(name)) {
        QVERIFY2(apart > 1e-5 * most, (name + " loses nothing").c_str());
        continue;
      }
      QVERIFY2(apart <= 1e-5 * most, (name + " " + std::to_string(apart / most)).c_str());
      largest = std::max(largest, apart / most);
      ++logits_same;
    }
    qInfo("weights of %d of %d families are the same; logits of %d, apart by at most %.1e of the largest", weights_same,
          found, logits_same, largest);
    QVERIFY(found >= 13);
  }

  void queries_lie_in_pairs() {
    std::vector<float> rows(16);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
    const auto* bytes = reinterpret_cast<const std::byte*>(rows.data());
    const StoredTensor queries{"q", "F32", {8, 2}, {bytes, 64}};
    const Checkpoint::Found two_heads{&queries, "file", {Arrangement::Rows::pairs, 2, 0}};
    std::vector<float> read(16);
    two_heads.read(0, read);
    // Head of four rows: the checkpoint's 0 1 2 3 lie as 0 2 1 3.
    QCOMPARE(read, (std::vector<float>{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}));
    std::vector<float> part(5);
    two_heads.read(3, part);
    QCOMPARE(part, (std::vector<float>{5, 2, 3, 6, 7}));
    VERIFY_SAYS(error_when([&] { two_heads.read(12, part); }), "that far");

    const StoredTensor fused{"qkv", "F32", {12}, {bytes, 48}};
    std::vector<float> heads(12);
    Checkpoint::Found{&fused, "file", {Arrangement::Rows::triples, 2, 0}}.read(0, heads);
    QCOMPARE(heads, (std::vector<float>{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11}));

    const StoredTensor turned{"c_fc", "F32", {8, 2}, {bytes, 64}};  // stored (2, 8)
    std::vector<float> columns(4);
    Checkpoint::Found{&turned, "file", {Arrangement::Rows::transposed, 1, -1}}.read(2, columns);
    QCOMPARE(columns, (std::vector<float>{0, 8, 1, 9}));
  }

  void metadata_become_a_config() {
    GgufBytes gguf = small_llama();
    gguf.f32("llama.rope.freq_base", 500000);
    gguf.u32("tokenizer.ggml.eos_token_id", 7);
    gguf.u32("tokenizer.ggml.eot_token_id", 9);
    const std::string file = gguf.bytes();
    const ModelConfig config = parse_config(gguf_config(parsed(file)), "model.gguf");
    QCOMPARE(config.architecture, std::string("LlamaForCausalLM"));
    QCOMPARE(config.layers, 2);
    QCOMPARE(config.width, 32);
    QCOMPARE(config.mlp_width, 64);
    QCOMPARE(config.heads, 4);
    QCOMPARE(config.key_value_heads, 2);
    QCOMPARE(config.head_width, 8);
    QCOMPARE(config.vocabulary, 32);
    QCOMPARE(config.context, 64);
    QCOMPARE(config.rope_theta, 500000.f);
    QCOMPARE(config.eos, 7);
    QVERIFY(config.ends_text(9) && !config.ends_text(8));
    QVERIFY(config.tied);

    GgufBytes older = small_llama();
    older.f32("llama.rope.scale_linear", 4);
    const ModelConfig stretched = parse_config(gguf_config(parsed(older.bytes())), "model.gguf");
    QVERIFY(stretched.rope.kind == RopeScaling::Kind::linear);
    QCOMPARE(stretched.rope.factor, 4.f);

    GgufBytes whole = small_llama("gptneox");  // a quarter of a head turns unless it is said otherwise
    whole.u32("gptneox.rope.dimension_count", 8);
    whole.f32("gptneox.rope.freq_base", 500);
    const ModelConfig neox = parse_config(gguf_config(parsed(whole.bytes())), "model.gguf");
    QCOMPARE(neox.rope_width(), 8);
    QCOMPARE(neox.rope_theta, 500.f);
  }

  void what_is_refused() {
    auto error_of = [](const GgufBytes& gguf) {
      const std::string file = gguf.bytes();
      return error_when([&] { parse_config(gguf_config(parsed(file)), "folder/model.gguf"); });
    };
    VERIFY_SAYS(error_of(GgufBytes{}), "folder/model.gguf: names no architecture");
    VERIFY_SAYS(error_of(small_llama("falcon")), "the architecture 'falcon'");
    GgufBytes experts = small_llama();
    experts.u32("llama.expert_count", 8);
    VERIFY_SAYS(error_of(experts), "the architecture 'llama', a mixture of experts");
    for (const auto& [key, value] : {std::pair("attention.scale", 0.25f),
                                     {"logit_scale", 2.f},
                                     {"residual_scale", 2.f},
                                     {"embedding_scale", 2.f},
                                     {"attention.max_alibi_bias", 8.f},
                                     {"rope.scaling.yarn_log_multiplier", 0.1f}}) {
      GgufBytes scaled = small_llama();
      scaled.f32(std::string("llama.") + key, value);
      VERIFY_SAYS(error_of(scaled), std::string("scales its numbers by 'llama.") + key + "'");
    }
    GgufBytes both_ways = small_llama();
    both_ways.add("llama.attention.causal", 7, std::string(1, '\0'));
    VERIFY_SAYS(error_of(both_ways), "attention to later tokens ('llama.attention.causal')");
    GgufBytes part = small_llama();
    part.add("split.count", 2, raw<uint16_t>(3));
    VERIFY_SAYS(error_of(part), "is one of 3 parts of a model; join them with llama-gguf-split --merge");
    GgufBytes widths = small_llama();
    widths.u32("llama.attention.key_length", 8);
    widths.u32("llama.attention.value_length", 16);
    VERIFY_SAYS(error_of(widths), "keys and values differ in width");
    GgufBytes kind = small_llama();
    kind.text("llama.context_length.", "x");
    kind.text("llama.rope.freq_base", "large");
    VERIFY_SAYS(error_of(kind), "key 'llama.rope.freq_base' is not a number");

    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString(), path = folder / "model.gguf";
    auto load_error = [&](const GgufBytes& gguf) {
      std::ofstream(path, std::ios::binary) << gguf.bytes();
      write_tiny_tokenizer(folder);
      return error_when([&] { load_model(path, make_cpu_ops()); });
    };
    VERIFY_SAYS(load_error(small_llama()), "model.gguf: lacks tensor 'model.layers.0.input_layernorm.weight'");
    GgufBytes stranger = small_llama();
    stranger.tensor("blk.0.ffn_gate_inp.weight", {32}, 0, std::string(128, '\0'));
    VERIFY_SAYS(load_error(stranger), "tensor 'blk.0.ffn_gate_inp.weight' is no part of a LlamaForCausalLM");
    GgufBytes described = small_llama();
    described.tensors = described.data = "", described.tensor_count = 0;
    described.array("tokenizer.ggml.tokens", 8, 1, counted("a"));
    VERIFY_SAYS(load_error(described), "model.gguf: holds no weights, only what describes a model; fetch the file");
    GgufBytes uneven = small_llama();
    uneven.tensor("blk.0.attn_q.weight", {32, 20}, 1, std::string(32 * 20 * 2, '\0'));
    VERIFY_SAYS(load_error(uneven), "'blk.0.attn_q.weight' has 20 rows, which 4 heads cannot share");
  }
};

QTEST_GUILESS_MAIN(GgufModelTest)
#include "gguf_model_test.moc"
