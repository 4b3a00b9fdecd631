// Every site of every family against an independent computation from the sites beside it, and cached against whole.
#include <QtTest>
#include <filesystem>
#include <map>

#include "runtime/model/forward.h"
#include "runtime/model/norms.h"
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;
namespace fs = std::filesystem;

namespace {

constexpr double tolerance = 2e-5;
const fs::path goldens = fs::path(STEMMA_SOURCE_DIR) / "tests/golden";

using Values = std::map<std::string, Matrix>;

Matrix stack(Matrix above, const Matrix& below) {
  above.data.insert(above.data.end(), below.data.begin(), below.data.end());
  above.rows += below.rows;
  return above;
}

// All sites of one forward after the other, as rows below each other; `order` names them as they came.
Values observed(const Model& model, const std::vector<std::vector<int32_t>>& pieces, bool cached,
                std::vector<std::string>* order = nullptr) {
  Values values;
  Workspace work(model);
  KeyValueCache cache(model, 64);
  const Taps taps{[](Site) { return true; },
                  [&](Site site, Tensor value) {
                    const std::string name = name_of(site);
                    if (order) order->push_back(name);
                    const Matrix rows = from_device(*model.ops, value);
                    values[name] = values.contains(name) ? stack(values[name], rows) : rows;
                  }};
  for (const auto& piece : pieces) {
    Batch batch;
    batch.add(piece);
    for (int32_t& position : batch.positions) position += static_cast<int32_t>(cache.length);
    forward(work, batch, cached ? &cache : nullptr, &taps);
  }
  return values;
}

// What the sites of one model must be, in f64, from its weights and the sites before them.
struct Expectation {
  const Model& model;
  const Values& seen;
  int layer = 0;

  const ModelConfig& config() const { return model.config; }
  const BlockDesign& design() const { return model.config.block; }
  const Block& block() const { return model.weights.blocks[static_cast<size_t>(layer)]; }
  Matrix host(Tensor tensor) const { return from_device(*model.ops, tensor); }
  const Matrix& at(const std::string& name) const { return seen.at("blocks." + std::to_string(layer) + "." + name); }
  bool has(const std::string& name) const { return seen.contains("blocks." + std::to_string(layer) + "." + name); }

  Matrix norm(const Matrix& x, Tensor weight, Tensor bias) const {
    const Matrix ones(1, x.columns, 1), zeros(1, x.columns, 0);
    const Matrix w = weight ? host(weight) : ones;
    if (design().norm == NormKind::layer)
      return ref::layer_norm(x, w, bias ? host(bias) : zeros, config().norm_epsilon);
    return ref::rms_norm(x, w, config().norm_epsilon);
  }
  Matrix linear(const Matrix& x, Linear which) const {
    Matrix y = ref::linear(x, host(block().linear(which)));
    if (const Tensor bias = block().bias(which)) {
      const Matrix b = host(bias);
      for (int64_t n = 0; n < y.rows; ++n)
        for (int64_t c = 0; c < y.columns; ++c) y(n, c) += b(0, c);
    }
    return y;
  }
  Matrix projected(Linear which) const {
    const Matrix& pre = at("hook_resid_pre");
    Matrix y =
        linear(design().norm_before ? norm(pre, block().attention_norm, block().attention_norm_bias) : pre, which);
    if (config().clip_qkv > 0)
      for (double& value : y.data) value = std::clamp<double>(value, -config().clip_qkv, config().clip_qkv);
    return y;
  }
  // Queries or keys before their turn: with their norm.
  Matrix normed(const Matrix& x, Tensor weight) const {
    if (!weight) return x;
    Matrix single = x;
    if (design().query_norm == QueryNorm::per_head)
      single.rows = x.rows * (x.columns / config().head_width), single.columns = config().head_width;
    Matrix y = ref::rms_norm(single, host(weight), config().norm_epsilon);
    y.rows = x.rows, y.columns = x.columns;
    return y;
  }
  // Turned back by the table, what was turned must be the normed projection.
  Matrix turned_back(const Matrix& turned) const {
    const Buffer on = on_device(model.ops, turned);
    std::vector<int32_t> positions(static_cast<size_t>(turned.rows));
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i);
    const IdBuffer ids = ids_on_device(model.ops, positions);
    model.ops->rope(on, ids, rope_of(model, layer), config().head_width, Rotation::inverse);
    return host(on);
  }
  Matrix z() const {
    const auto rows = static_cast<int32_t>(at("attn.hook_v").rows);
    const Segment segment{0, rows, 0, rows};
    const bool turns = has("attn.hook_rot_q");
    const Matrix q = turns ? at("attn.hook_rot_q") : normed(at("attn.hook_q"), block().query_norm);
    const Matrix k = turns ? at("attn.hook_rot_k") : normed(at("attn.hook_k"), block().key_norm);
    return ref::attention(q, k, at("attn.hook_v"), std::span(&segment, 1), model.heads(layer));
  }
  Matrix added(const Matrix& branch, Linear which, Tensor weight) const {
    const Matrix out = linear(branch, which);
    return design().norm_after ? norm(out, weight, {}) : out;
  }
  Matrix mlp_in() const {
    const Matrix& x = at(design().parallel ? "hook_resid_pre" : "hook_resid_mid");
    return design().norm_before ? norm(x, block().mlp_norm, block().mlp_norm_bias) : x;
  }
  Matrix activated() const {
    const Matrix& pre = at("mlp.hook_pre");
    if (design().activation == Activation::silu) return ref::swiglu(pre, at("mlp.hook_pre_linear"));
    return ref::gelu(gelu_of(design()), pre,
                     design().gated ? at("mlp.hook_pre_linear") : Matrix(pre.rows, pre.columns, 1));
  }
};

}  // namespace

class SitesTest : public QObject {
  Q_OBJECT

  const std::vector<int32_t> tokens_ = {3, 11, 7, 7, 1, 14, 9, 2, 5, 12, 4};

  static void families() {
    QTest::addColumn<QString>("family");
    int count = 0;
    for (const auto& entry : fs::directory_iterator(goldens))
      if (fs::exists(entry.path() / "model.safetensors")) {
        QTest::newRow(entry.path().filename().c_str()) << QString::fromStdString(entry.path().string());
        ++count;
      }
    QVERIFY(count >= 15);
  }
  static std::shared_ptr<const Model> model_of_row() {
    QFETCH(QString, family);
    return load_model(family.toStdString(), make_cpu_ops());
  }

 private slots:
  void every_site_from_its_neighbours_data() { families(); }
  void every_site_from_its_neighbours() {
    const auto model = model_of_row();
    const ModelConfig& config = model->config;
    std::vector<std::string> order, promised;
    const Values seen = observed(*model, {tokens_}, false, &order);
    for (const Site site : sites_of(config)) {
      promised.push_back(name_of(site));
      QCOMPARE(seen.at(name_of(site)).columns, width_of(config, site));
      QCOMPARE(seen.at(name_of(site)).rows, static_cast<int64_t>(tokens_.size()));
    }
    QCOMPARE(order, promised);

    Matrix before = seen.at("hook_embed");
    if (config.block.learned_positions) before = ref::sum(before, seen.at("hook_pos_embed"));
    for (int layer = 0; layer < config.layers; ++layer) {
      const Expectation e{*model, seen, layer};
      const Block& block = e.block();
      VERIFY_CLOSE(e.at("hook_resid_pre"), before, tolerance);
      VERIFY_CLOSE(e.at("attn.hook_q"), e.projected(Linear::query), tolerance);
      VERIFY_CLOSE(e.at("attn.hook_k"), e.projected(Linear::key), tolerance);
      VERIFY_CLOSE(e.at("attn.hook_v"), e.projected(Linear::value), tolerance);
      QCOMPARE(e.has("attn.hook_rot_q"), config.kind(layer).rope != RopeUse::none);
      // A table that also stretches (its magnitude) does not turn back to what was; z below checks it all the same.
      if (e.has("attn.hook_rot_q") && config.rope.magnitude == 1) {
        VERIFY_CLOSE(e.turned_back(e.at("attn.hook_rot_q")), e.normed(e.at("attn.hook_q"), block.query_norm),
                     tolerance);
        VERIFY_CLOSE(e.turned_back(e.at("attn.hook_rot_k")), e.normed(e.at("attn.hook_k"), block.key_norm), tolerance);
      }
      VERIFY_CLOSE(e.at("attn.hook_z"), e.z(), tolerance);
      VERIFY_CLOSE(e.at("hook_attn_out"), e.added(e.at("attn.hook_z"), Linear::output, block.attention_after),
                   tolerance);
      const Matrix middle = ref::sum(e.at("hook_resid_pre"), e.at("hook_attn_out"));
      QCOMPARE(e.has("hook_resid_mid"), !config.block.parallel);
      if (!config.block.parallel) VERIFY_CLOSE(e.at("hook_resid_mid"), middle, tolerance);
      VERIFY_CLOSE(e.at("mlp.hook_pre"), e.linear(e.mlp_in(), config.block.gated ? Linear::gate : Linear::up),
                   tolerance);
      if (config.block.gated) VERIFY_CLOSE(e.at("mlp.hook_pre_linear"), e.linear(e.mlp_in(), Linear::up), tolerance);
      VERIFY_CLOSE(e.at("mlp.hook_post"), e.activated(), tolerance);
      VERIFY_CLOSE(e.at("hook_mlp_out"), e.added(e.at("mlp.hook_post"), Linear::down, block.mlp_after), tolerance);
      before = ref::sum(middle, e.at("hook_mlp_out"));
      VERIFY_CLOSE(e.at("hook_resid_post"), before, tolerance);
      before = e.at("hook_resid_post");
    }
    const Expectation e{*model, seen, 0};
    VERIFY_CLOSE(seen.at("ln_final.hook_normalized"),
                 e.norm(before, model->weights.final_norm, model->weights.final_norm_bias), tolerance);
  }

  void cached_equals_whole_data() { families(); }
  void cached_equals_whole() {
    const auto model = model_of_row();
    const auto piece = [&](int begin, int end) {
      return std::vector<int32_t>(tokens_.begin() + begin, tokens_.begin() + end);
    };
    const Values whole = observed(*model, {tokens_}, false),
                 cached = observed(
                     *model, {piece(0, 4), piece(4, 5), piece(5, 6), piece(6, 9), piece(9, 10), piece(10, 11)}, true);
    QCOMPARE(cached.size(), whole.size());
    for (const auto& [name, values] : whole) QVERIFY2(difference(cached.at(name), values) < tolerance, name.c_str());
  }
};

QTEST_GUILESS_MAIN(SitesTest)
#include "sites_test.moc"
