// What --capture understands, and what it says of what it does not.
#include "runtime/trace/capture_list.h"

#include <QtTest>

#include "runtime/error.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

namespace {

std::vector<std::string> names(const std::string& list, const ModelConfig& config) {
  std::vector<std::string> names;
  for (const Site site : read_capture_list(list, config).sites) names.push_back(name_of(site));
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

class CaptureListTest : public QObject {
  Q_OBJECT

 private slots:
  void words_and_patterns() {
    const ModelConfig config = test::tiny_config(2, true);
    QVERIFY(names("none", config).empty());
    QVERIFY(names("", config).empty());
    QCOMPARE(names("residual", config), (Names{"blocks.0.hook_resid_post", "blocks.1.hook_resid_post"}));
    QCOMPARE(names("blocks.*.hook_resid_p*", config), (Names{"blocks.0.hook_resid_pre", "blocks.0.hook_resid_post",
                                                             "blocks.1.hook_resid_pre", "blocks.1.hook_resid_post"}));
    QCOMPARE(names(" ln_final.hook_normalized , blocks.1.attn.hook_z,blocks.1.attn.hook_z", config),
             (Names{"blocks.1.attn.hook_z", "ln_final.hook_normalized"}));
    QCOMPARE(names("blocks.1.*", config).size(), size_t{14});
    QCOMPARE(names("*.hook_rot_*", config).size(), size_t{4});
    QCOMPARE(names("all", config).size(), sites_of(config).size());
    QVERIFY(read_capture_list("all", config).attention && !read_capture_list("residual", config).attention);
    QVERIFY(read_capture_list("attention", config).attention && names("attention", config).empty());
    QCOMPARE(names("all", config).front(), std::string("hook_embed"));
  }

  // A pattern of layer 1 is none of layers 10 to 19.
  void layers_are_whole_numbers() {
    const ModelConfig config = test::tiny_config(12, true);
    QCOMPARE(names("blocks.1.hook_resid_post", config), (Names{"blocks.1.hook_resid_post"}));
    QCOMPARE(names("blocks.1*.hook_resid_post", config).size(), size_t{3});
  }

  void families_have_what_they_have() {
    ModelConfig config = test::tiny_config(1, true);
    config.block.parallel = config.block.learned_positions = true;
    config.block.gated = false;
    config.kinds = {{0, RopeUse::none}};
    const Names all = names("all", config);
    for (const char* absent : {"blocks.0.hook_resid_mid", "blocks.0.attn.hook_rot_q", "blocks.0.mlp.hook_pre_linear"})
      QVERIFY2(std::find(all.begin(), all.end(), absent) == all.end(), absent);
    QVERIFY(std::find(all.begin(), all.end(), "hook_pos_embed") != all.end());
  }

  void the_nearest_are_named() {
    const ModelConfig config = test::tiny_config(2, true);
    for (const auto& [wrong, near] : {std::pair("blocks.0.hook_residpost", "blocks.0.hook_resid_post"),
                                      std::pair("blocks.1.attn.hook_queries", "blocks.1.attn.hook_q"),
                                      std::pair("residual,hook_embedd", "hook_embed")}) {
      try {
        read_capture_list(wrong, config);
        QFAIL(wrong);
      } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::usage);
        QVERIFY2(std::string(error.what()).find(near) != std::string::npos, error.what());
      }
    }
  }
};

QTEST_GUILESS_MAIN(CaptureListTest)
#include "capture_list_test.moc"
