#include "runtime/trace/activation_summary.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "runtime/error.h"
#include "runtime/session/capture.h"

using namespace stemma;

namespace {

Trace three_tokens() {
  Trace trace;
  trace.id = "t001";
  trace.title = "a b c";
  trace.tokens = {5, 6, 7};
  trace.text = "a b\n";
  trace.token_offsets = {0, 1, 3, 4};
  trace.steps = {{0, 1, StepKind::prompt, "", ""}, {1, 3, StepKind::thought, "", ""}};
  return trace;
}

using Layers = std::vector<std::vector<float>>;

// Two layers of width 2; the third token was never recorded.
Layers two_layers() { return {{3, 4, 0, 1}, {0, 5, 0, -2}}; }

// The two tokens in two blocks.
ActivationMap map_of(const Layers& layers, ActivationQuantity quantity) {
  ActivationMapBuilder builder(three_tokens(), {"0", "1"}, quantity, "made here");
  for (const int64_t token : {0, 1})
    builder.add({token, 1, 2, {layers[0].data() + 2 * token, layers[1].data() + 2 * token}});
  return builder.take();
}

const std::string post = ".hook_resid_post";

void record(const std::filesystem::path& session, const std::vector<SiteShape>& sites, int64_t tokens) {
  ActivationsInHand file(session, {"t001"}, sites);
  ActivationWriter writer(file, "t001");
  for (size_t site = 0; site < sites.size(); ++site) {
    const std::vector<float> values(static_cast<size_t>(tokens * sites[site].width), static_cast<float>(site + 1));
    writer.append(site, values.data(), tokens);
  }
  writer.flush();
}

}  // namespace

class ActivationSummaryTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  std::filesystem::path path(const char* name) const { return folder_.filePath(name).toStdString(); }

 private slots:
  void norms_by_hand() {
    const ActivationMap map = map_of(two_layers(), ActivationQuantity::norm);
    QCOMPARE(map.layers, 2);
    QCOMPARE(map.tokens, 3);
    QCOMPARE(map.value(0, 0), 5.f);
    QCOMPARE(map.value(0, 1), 1.f);
    QCOMPARE(map.value(1, 1), 2.f);
    QVERIFY(std::isnan(map.value(0, 2)) && std::isnan(map.value(1, 2)));
    QVERIFY(!map.diverging);
  }

  void change_is_not_measured_below_the_first_layer() {
    const ActivationMap map = map_of(two_layers(), ActivationQuantity::change);
    QVERIFY(std::isnan(map.value(0, 0)));
    QCOMPARE(map.value(1, 0), std::sqrt(10.f));
    QCOMPARE(map.value(1, 1), 3.f);
  }

  void cosine_is_one_at_the_last_layer_and_signed_below() {
    const ActivationMap map = map_of(two_layers(), ActivationQuantity::cosine);
    QVERIFY(map.diverging);
    QCOMPARE(map.value(1, 0), 1.f);
    QCOMPARE(map.value(0, 0), 0.8f);
    QCOMPARE(map.value(0, 1), -1.f);
  }

  void cosine_of_a_zero_vector_is_not_measured() {
    Layers layers = two_layers();
    layers[0] = {0, 0, 0, 1};
    QVERIFY(std::isnan(map_of(layers, ActivationQuantity::cosine).value(0, 0)));
  }

  void carries_texts_layers_and_steps() {
    const ActivationMap map = map_of(two_layers(), ActivationQuantity::norm);
    QCOMPARE(map.token_texts, (std::vector<std::string>{"a", " b", "\n"}));
    QCOMPARE(map.layer_names, (std::vector<std::string>{"0", "1"}));
    QCOMPARE(map.step_begins, (std::vector<int32_t>{0, 1}));
  }

  void recorded_layers_are_in_order_whatever_order_they_come_in() {
    std::vector<std::string> names;
    std::vector<SiteShape> shapes;
    for (int layer : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {
      names.push_back("blocks." + std::to_string(layer) + post);
      shapes.push_back({names.back(), 4});
    }
    names.push_back("blocks.3.hook_mlp_out");  // no layer of the map
    record(path("order.h5"), shapes, 2);
    const ActivationMap map = recorded_map(path("order.h5"), three_tokens(), names, ActivationQuantity::norm);
    QCOMPARE(map.layers, 12);
    QVERIFY(!map.recomputed);
    for (int layer = 0; layer < 12; ++layer) {
      const auto site = std::find(names.begin(), names.end(), "blocks." + std::to_string(layer) + post) - names.begin();
      QCOMPARE(map.value(layer, 0), 2 * static_cast<float>(site + 1));
      QCOMPARE(map.layer_names[layer], std::to_string(layer));
      QVERIFY(std::isnan(map.value(layer, 2)));
    }
  }

  void refuses_what_does_not_fit() {
    const auto refused = [&](const char* name, const std::vector<SiteShape>& sites, int64_t tokens) {
      std::vector<std::string> names;
      for (const SiteShape& site : sites) names.push_back(site.name);
      record(path(name), sites, tokens);
      QVERIFY_EXCEPTION_THROWN(recorded_map(path(name), three_tokens(), names, ActivationQuantity::norm), Error);
    };
    refused("wider.h5", {{"blocks.0" + post, 2}, {"blocks.1" + post, 3}}, 2);
    refused("longer.h5", {{"blocks.0" + post, 1}}, 4);
    refused("other.h5", {{"blocks.0.hook_mlp_out", 2}}, 2);
    QVERIFY_EXCEPTION_THROWN(recorded_map(path("no.h5"), three_tokens(), {"blocks.0" + post}, ActivationQuantity::norm),
                             Error);
  }

  void names_round_trip() {
    for (const char* name : {"norm", "change", "cosine"})
      QCOMPARE(std::string(name_of(activation_quantity(name))), std::string(name));
    QVERIFY_EXCEPTION_THROWN(activation_quantity("entropy"), Error);
  }
};

QTEST_GUILESS_MAIN(ActivationSummaryTest)
#include "activation_summary_test.moc"
