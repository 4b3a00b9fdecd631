#include "runtime/trace/activation_summary.h"

#include <QtTest>
#include <cmath>

#include "runtime/error.h"

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

// Two layers of width 2; the third token was never recorded.
std::vector<Recorded> two_layers() {
  return {{"blocks.0.hook_resid_post", 2, 2, {3, 4, 0, 1}}, {"blocks.1.hook_resid_post", 2, 2, {0, 5, 0, -2}}};
}

}  // namespace

class ActivationSummaryTest : public QObject {
  Q_OBJECT

 private slots:
  void norms_by_hand() {
    const ActivationMap map = summarise_activations(three_tokens(), two_layers(), ActivationQuantity::norm);
    QCOMPARE(map.layers, 2);
    QCOMPARE(map.tokens, 3);
    QCOMPARE(map.value(0, 0), 5.f);
    QCOMPARE(map.value(0, 1), 1.f);
    QCOMPARE(map.value(1, 1), 2.f);
    QVERIFY(std::isnan(map.value(0, 2)) && std::isnan(map.value(1, 2)));
    QVERIFY(!map.diverging);
  }

  void change_is_not_measured_below_the_first_layer() {
    const ActivationMap map = summarise_activations(three_tokens(), two_layers(), ActivationQuantity::change);
    QVERIFY(std::isnan(map.value(0, 0)));
    QCOMPARE(map.value(1, 0), std::sqrt(10.f));
    QCOMPARE(map.value(1, 1), 3.f);
  }

  void cosine_is_one_at_the_last_layer_and_signed_below() {
    const ActivationMap map = summarise_activations(three_tokens(), two_layers(), ActivationQuantity::cosine);
    QVERIFY(map.diverging);
    QCOMPARE(map.value(1, 0), 1.f);
    QCOMPARE(map.value(0, 0), 0.8f);
    QCOMPARE(map.value(0, 1), -1.f);
  }

  void cosine_of_a_zero_vector_is_not_measured() {
    auto recorded = two_layers();
    recorded[0].values = {0, 0, 0, 1};
    QVERIFY(std::isnan(summarise_activations(three_tokens(), recorded, ActivationQuantity::cosine).value(0, 0)));
  }

  void carries_texts_layers_and_steps() {
    const ActivationMap map = summarise_activations(three_tokens(), two_layers(), ActivationQuantity::norm);
    QCOMPARE(map.token_texts, (std::vector<std::string>{"a", " b", "\n"}));
    QCOMPARE(map.layer_names, (std::vector<std::string>{"0", "1"}));
    QCOMPARE(map.step_begins, (std::vector<int32_t>{0, 1}));
  }

  void layers_are_in_order_whatever_order_they_come_in() {
    std::vector<Recorded> recorded;
    for (int layer : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {
      recorded.push_back({"blocks." + std::to_string(layer) + ".hook_resid_post", 1, 1, {static_cast<float>(layer)}});
    }
    const ActivationMap map = summarise_activations(three_tokens(), recorded, ActivationQuantity::norm);
    for (int layer = 0; layer < 12; ++layer) {
      QCOMPARE(map.value(layer, 0), static_cast<float>(layer));
      QCOMPARE(map.layer_names[layer], std::to_string(layer));
    }
  }

  void refuses_what_does_not_fit() {
    const Trace trace = three_tokens();
    QVERIFY_EXCEPTION_THROWN(summarise_activations(trace, {}, ActivationQuantity::norm), Error);
    auto wider = two_layers();
    wider[1] = {"blocks.1.hook_resid_post", 2, 3, {1, 2, 3, 4, 5, 6}};
    QVERIFY_EXCEPTION_THROWN(summarise_activations(trace, wider, ActivationQuantity::norm), Error);
    auto short_values = two_layers();
    short_values[0].values.pop_back();
    QVERIFY_EXCEPTION_THROWN(summarise_activations(trace, short_values, ActivationQuantity::norm), Error);
    const std::vector<Recorded> longer = {{"blocks.0.hook_resid_post", 4, 1, {1, 2, 3, 4}}};
    QVERIFY_EXCEPTION_THROWN(summarise_activations(trace, longer, ActivationQuantity::norm), Error);
  }

  void names_round_trip() {
    for (const char* name : {"norm", "change", "cosine"}) QCOMPARE(std::string(name_of(activation_quantity(name))), std::string(name));
    QVERIFY_EXCEPTION_THROWN(activation_quantity("entropy"), Error);
  }
};

QTEST_GUILESS_MAIN(ActivationSummaryTest)
#include "activation_summary_test.moc"
