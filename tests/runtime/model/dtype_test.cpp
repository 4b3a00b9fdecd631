// Models whose matrices are kept as they are stored, against the same numbers in f32.
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <fstream>

#include "kernels/half.h"
#include "runtime/error.h"
#include "runtime/model/forward.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

namespace fs = std::filesystem;

const fs::path golden = fs::path(STEMMA_SOURCE_DIR) / "tests/golden/gguf/llama";

std::vector<float> logits_of(const Model& model, int64_t tokens) {
  Workspace workspace(model);
  Batch batch;
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) ids.push_back(static_cast<int32_t>(i * 7 % model.config.vocabulary));
  batch.add(ids);
  const Tensor hidden = forward(workspace, batch);
  const Buffer out(model.ops, hidden.rows, model.config.vocabulary);
  logits(model, hidden, out);
  std::vector<float> values(static_cast<size_t>(out.view().size()));
  out.download(values.data());
  return values;
}

// Of tokens [begin, end), which go on in the cache.
std::vector<float> cached_logits(const Model& model, KeyValueCache& cache, int begin, int end) {
  Workspace workspace(model);
  Batch batch;
  batch.segments.push_back({0, end - begin, 0, end - begin});
  for (int i = begin; i < end; ++i) {
    batch.ids.push_back(i * 7 % model.config.vocabulary);
    batch.positions.push_back(i);
  }
  const Tensor hidden = forward(workspace, batch, &cache);
  const Buffer out(model.ops, hidden.rows, model.config.vocabulary);
  logits(model, hidden, out);
  std::vector<float> values(static_cast<size_t>(out.view().size()));
  out.download(values.data());
  return values;
}

// Of the largest logit.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return most / largest;
}

float rounded(float value, Dtype dtype) {
  if (dtype == Dtype::f16) return float_of(half_of(value));
  return __builtin_bit_cast(float, static_cast<uint32_t>(bf16_of(value)) << 16);
}

// (rows, columns) of random numbers, in Q8_0.
std::string q8_0(int64_t rows, int64_t columns, Random& random) {
  std::string bytes;
  for (int64_t block = 0; block < rows * columns / 32; ++block) {
    bytes += raw(half_of(static_cast<float>(0.002 + 0.001 * random.uniform())));
    for (int i = 0; i < 32; ++i) bytes += static_cast<char>(random.bits());
  }
  return bytes;
}
std::string ones(int64_t count) {
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) bytes += raw(1.0f);
  return bytes;
}

void write_quantised_llama(const fs::path& folder) {
  Random random(3);
  GgufBytes gguf;
  gguf.text("general.architecture", "llama");
  for (const auto& [key, value] : {std::pair("block_count", 2),
                                   {"embedding_length", 64},
                                   {"feed_forward_length", 96},
                                   {"attention.head_count", 4},
                                   {"attention.head_count_kv", 2},
                                   {"context_length", 64}})
    gguf.u32(std::string("llama.") + key, static_cast<uint32_t>(value));
  gguf.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  const auto matrix = [&](const std::string& name, uint64_t rows, uint64_t columns) {
    gguf.tensor(name, {columns, rows}, 8, q8_0(static_cast<int64_t>(rows), static_cast<int64_t>(columns), random));
  };
  matrix("token_embd.weight", 32, 64);
  for (const char* block : {"blk.0.", "blk.1."}) {
    const std::string b = block;
    gguf.tensor(b + "attn_norm.weight", {64}, 0, ones(64));
    gguf.tensor(b + "ffn_norm.weight", {64}, 0, ones(64));
    matrix(b + "attn_q.weight", 64, 64);
    matrix(b + "attn_k.weight", 32, 64);
    matrix(b + "attn_v.weight", 32, 64);
    matrix(b + "attn_output.weight", 64, 64);
    matrix(b + "ffn_gate.weight", 96, 64);
    matrix(b + "ffn_up.weight", 96, 64);
    matrix(b + "ffn_down.weight", 64, 96);
  }
  gguf.tensor("output_norm.weight", {64}, 0, ones(64));
  write_tiny_tokenizer(folder);
  std::ofstream(folder / "model.gguf", std::ios::binary) << gguf.bytes();
}

}  // namespace

class DtypeTest : public QObject {
  Q_OBJECT

 private slots:
  void sixteen_bits_are_the_rounded_numbers() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_tiny_tokenizer(folder);
    for (const char* file : {"model.safetensors", "config.json"}) fs::copy(golden / file, folder / file);
    const auto ops = make_cpu_ops();
    const auto whole = load_model(folder, ops);
    for (const Dtype dtype : {Dtype::bf16, Dtype::f16}) {
      const auto kept = load_model(folder, ops, dtype), twin = load_model(folder, ops);
      QVERIFY(!kept->weights.in_f32());
      QVERIFY(!kept->weights.blocks[0].linear(Linear::gate));
      for (const auto& named : twin->weights.named())
        if (named.decays)
          for (int64_t i = 0; i < named.tensor.size(); ++i) named.tensor.data[i] = rounded(named.tensor.data[i], dtype);
      QCOMPARE(kept->hash, hash_of(twin->config, twin->weights, *ops));  // of the numbers, however they are kept
      QVERIFY(kept->hash != whole->hash);
      const double few = difference(logits_of(*kept, 9), logits_of(*twin, 9)),
                   many = difference(logits_of(*kept, 40), logits_of(*twin, 40)),
                   unrounded = difference(logits_of(*kept, 9), logits_of(*whole, 9));
      qInfo("%s: %.1e of the largest logit with 9 tokens, %.1e with 40; %.1e against weights in f32",
            dtype == Dtype::bf16 ? "bf16" : "f16", few, many, unrounded);
      const double limit = dtype == Dtype::bf16 ? 2e-2 : 2e-6;  // activations are rounded to bf16 too
      QVERIFY(few < limit);
      QVERIFY(many < limit);
      QVERIFY(dtype == Dtype::bf16 || unrounded > few);
    }
  }

  void blocks_of_a_gguf_stay() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_quantised_llama(folder);
    const auto ops = make_cpu_ops();
    const auto kept = load_model(folder / "model.gguf", ops, Dtype::automatic),
               twin = load_model(folder / "model.gguf", ops);
    QVERIFY(twin->weights.in_f32());
    for (const Linear which : linears) QVERIFY(kept->weights.blocks[1].matrix(which).type == WeightType::q8_0);
    QVERIFY(kept->weights.embedding_matrix.type == WeightType::q8_0);
    QCOMPARE(kept->hash, twin->hash);
    for (const int64_t tokens : {1, 9, 40}) {
      const double error = difference(logits_of(*kept, tokens), logits_of(*twin, tokens));
      qInfo("%d tokens: %.1e of the largest logit", static_cast<int>(tokens), error);
      // Activations are rounded to whole numbers of 16 bits.
      QVERIFY2(error < 2e-4, qPrintable(QString::number(error)));
    }
    const auto rounded = load_model(folder / "model.gguf", ops, Dtype::bf16);
    QVERIFY(rounded->weights.blocks[1].matrix(Linear::down).type == WeightType::bf16);
    QVERIFY(difference(logits_of(*rounded, 9), logits_of(*twin, 9)) < 2e-2);
  }

  // Read at once, where the products are those of many queries, and token by token.
  void keys_and_values_are_kept_as_the_weights() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_quantised_llama(folder);
    const auto ops = make_cpu_ops();
    for (const auto& [dtype, type, limit] : {std::tuple{Dtype::f32, WeightType::f32, 1e-5},
                                             {Dtype::bf16, WeightType::bf16, 2e-2},
                                             {Dtype::f16, WeightType::f16, 1e-4},
                                             {Dtype::automatic, WeightType::f16, 1e-3}}) {
      const auto model = load_model(folder / "model.gguf", ops, dtype);
      QCOMPARE(model->weights.cache_type(), type);
      KeyValueCache at_once(*model, 40), one_by_one(*model, 40), shared(*model, 40);
      QVERIFY(at_once.keys[1].view().type == type && at_once.values[1].view().type == type);
      const std::vector<float> whole = cached_logits(*model, at_once, 0, 40);
      std::vector<float> steps;
      for (int token = 0; token < 40; ++token) {
        const std::vector<float> one = cached_logits(*model, one_by_one, token, token + 1);
        steps.insert(steps.end(), one.begin(), one.end());
      }
      const double apart = difference(steps, whole);
      qInfo("%s: %.1e of the largest logit apart", format_of(type).name.data(), apart);
      QVERIFY(apart < limit);
      // What goes on from another's keys and values has the bits of what goes on from its own.
      shared.begin_as(at_once, 39);
      at_once.length = 39;
      at_once.ids.resize(39);
      QCOMPARE(cached_logits(*model, shared, 39, 40), cached_logits(*model, at_once, 39, 40));
    }
    QCOMPARE(cache_type(std::vector{WeightType::bf16, WeightType::f32, WeightType::q4_k}), WeightType::f16);
  }

  void f32_files_stay_f32_unless_asked() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_tiny_tokenizer(folder);
    for (const char* file : {"model.safetensors", "config.json"}) fs::copy(golden / file, folder / file);
    const auto model = load_model(folder, make_cpu_ops(), Dtype::automatic);
    QVERIFY(model->weights.in_f32());
  }

  void what_differentiates_asks_for_f32() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_quantised_llama(folder);
    const auto kept = load_model(folder / "model.gguf", make_cpu_ops(), Dtype::automatic);
    Workspace workspace(*kept);
    Batch batch;
    batch.add({1, 2, 3});
    const Tensor hidden = forward(workspace, batch);
    try {
      backward(workspace, batch, hidden, nullptr, nullptr);
      QFAIL("differentiated weights that are not there");
    } catch (const Error& error) {
      QVERIFY(QString(error.what()).contains("--dtype f32"));
    }
    QVERIFY_EXCEPTION_THROWN(save_model(*kept, folder / "saved"), Error);
  }
};

QTEST_GUILESS_MAIN(DtypeTest)
#include "dtype_test.moc"
