// Single operations against PyTorch's numbers: the reference tensors of Stanford's CS336.
#include <QtTest>
#include <map>

#include "runtime/model/files/safetensors.h"
#include "runtime/model/model.h"
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;

namespace {

const std::filesystem::path folder = std::filesystem::path(STEMMA_SHARED_DATA) / "05_cs336_forward";

// Every F32 tensor of a file; leading dimensions are rows.
std::map<std::string, Matrix> read_all(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Matrix> result;
  for (const StoredTensor& tensor : file.tensors()) {
    if (tensor.dtype != "F32") continue;
    std::vector<float> values(static_cast<size_t>(tensor.size()));
    read_f32(tensor, 0, values, path.string());
    Matrix matrix(tensor.size() / tensor.shape.back(), tensor.shape.back());
    matrix.data.assign(values.begin(), values.end());
    result[tensor.name] = matrix;
  }
  return result;
}

// Sequences of `length` rows, each one causal segment.
std::vector<Segment> sequences(int64_t rows, int32_t length) {
  std::vector<Segment> segments;
  for (int32_t begin = 0; begin < rows; begin += length)
    segments.push_back({begin, begin + length, begin, begin + length});
  return segments;
}

Matrix stacked(const Matrix& a, const Matrix& b) {
  Matrix both(a.rows + b.rows, a.columns);
  both.data = a.data;
  both.data.insert(both.data.end(), b.data.begin(), b.data.end());
  return both;
}

}  // namespace

class Cs336Test : public QObject {
  Q_OBJECT

  const std::shared_ptr<Ops> ops = make_cpu_ops();
  std::map<std::string, Matrix> block, attention_tensors, rope_tensors;

  Buffer linear(const Buffer& x, const Matrix& weight) const {
    Buffer y(ops, x.view().rows, weight.rows);
    ops->matmul(x, false, on_device(ops, weight), true, y);
    return y;
  }
  // Multi-head causal attention of 8 sequences of 128 tokens.
  Buffer attended(const Buffer& x, const Matrix& q, const Matrix& k, const Matrix& v, const Matrix& output) const {
    const int64_t rows = x.view().rows;
    const Buffer z(ops, rows, 64), log_sum(ops, rows, 2);
    ops->attention(linear(x, q), linear(x, k), linear(x, v), sequences(rows, 128), {2, 2, 32}, z, log_sum);
    return linear(z, output);
  }
  Buffer normed(const Buffer& x, const Matrix& weight) const {
    Matrix row = weight;
    row.rows = 1, row.columns = 64;
    Buffer y(ops, x.view().rows, 64);
    const Buffer inverse(ops, x.view().rows, 1);
    ops->rms_norm(x, on_device(ops, row), 1e-5f, y, inverse);
    return y;
  }

 private slots:
  void initTestCase() {
    if (!std::filesystem::exists(folder)) QSKIP("the shared data's 05_cs336_forward is not on this machine");
    block = read_all(folder / "safetensors" / "block_and_ops.safetensors");
    attention_tensors = read_all(folder / "safetensors" / "sdpa.safetensors");
    rope_tensors = read_all(folder / "2025" / "rope_and_sdpa.safetensors");
  }

  void rms_norm() {
    const Matrix y = from_device(*ops, normed(on_device(ops, block.at("in_features")), block.at("rmsnorm.weight")));
    VERIFY_CLOSE(y, block.at("rmsnorm.expected"), 1e-6);
  }

  void multi_head_attention() {
    const auto both = [&](const std::string& name) {
      return stacked(block.at("mha." + name + "_heads.0.weight"), block.at("mha." + name + "_heads.1.weight"));
    };
    const Buffer out = attended(on_device(ops, block.at("in_features")), both("q"), both("k"), both("v"),
                                block.at("mha.output_proj.weight"));
    VERIFY_CLOSE(from_device(*ops, out), block.at("mha.expected"), 2e-6);
  }

  // A whole pre-norm block. Its GELU, which no decoder here has, is the test's own.
  void pre_norm_block() {
    const Matrix x = block.at("in_features");
    const Buffer a = attended(normed(on_device(ops, x), block.at("weights.ln1.weight")),
                              block.at("weights.attn.q_proj.weight"), block.at("weights.attn.k_proj.weight"),
                              block.at("weights.attn.v_proj.weight"), block.at("weights.attn.output_proj.weight"));
    ops->add(on_device(ops, x), a);
    const Buffer inner = linear(normed(a, block.at("weights.ln2.weight")), block.at("weights.ffn.w1.weight"));
    Matrix gelu = from_device(*ops, inner);
    for (double& value : gelu.data) value = 0.5 * value * (1 + std::erf(value / std::sqrt(2.0)));
    const Buffer out = linear(on_device(ops, gelu), block.at("weights.ffn.w2.weight"));
    ops->add(a, out);
    VERIFY_CLOSE(from_device(*ops, out), block.at("expected"), 2e-6);
  }

  void linear_layers() {
    Matrix inner = from_device(*ops, linear(on_device(ops, block.at("in_features")), block.at("ffn.w1.weight")));
    for (double& value : inner.data) value = 0.5 * value * (1 + std::erf(value / std::sqrt(2.0)));
    VERIFY_CLOSE(from_device(*ops, linear(on_device(ops, inner), block.at("ffn.w2.weight"))), block.at("ffn.expected"),
                 2e-6);
  }

  // (2, 16, 32, 64): 32 sequences of 32 tokens, one head each.
  void causal_attention() {
    const Matrix& q = attention_tensors.at("Q");
    const Buffer z(ops, q.rows, 64), log_sum(ops, q.rows, 1);
    ops->attention(on_device(ops, q), on_device(ops, attention_tensors.at("K")),
                   on_device(ops, attention_tensors.at("V")), sequences(q.rows, 32), {1, 1, 64}, z, log_sum);
    VERIFY_CLOSE(from_device(*ops, z), attention_tensors.at("expected_output"), 2e-6);
  }

  // Theirs turns neighbours (2i, 2i+1); ours turns (i, i + D/2): the same after the columns are sorted by parity.
  void rope() {
    const int width = 64, length = 12;
    const auto halves = [&](const Matrix& x) {
      Matrix y(x.rows, x.columns);
      for (int64_t n = 0; n < x.rows; ++n)
        for (int i = 0; i < width; ++i) y(n, i) = x(n, i < width / 2 ? 2 * i : 2 * (i - width / 2) + 1);
      return y;
    };
    const Matrix& x = rope_tensors.at("rope.in");
    std::vector<int32_t> positions;
    for (int64_t n = 0; n < x.rows; ++n) positions.push_back(static_cast<int32_t>(n % length));
    ModelConfig config;
    config.context = length, config.head_width = width, config.rope_theta = 10000;
    const Buffer turned = on_device(ops, halves(x));
    ops->rope(turned, ids_on_device(ops, positions), rope_table(config, ops), width, Rotation::forward);
    VERIFY_CLOSE(from_device(*ops, turned), halves(rope_tensors.at("rope.expected_interleaved_theta10000")), 2e-6);
  }
};

QTEST_GUILESS_MAIN(Cs336Test)
#include "cs336_test.moc"
