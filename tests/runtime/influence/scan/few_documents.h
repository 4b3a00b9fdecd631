// What documents of chosen places are scored with: a model, random documents, one of them too short, and a trace.
#pragma once

#include <memory>
#include <vector>

#include "runtime/influence/questions/query.h"
#include "tests/support/tiny_model.h"

namespace stemma::test {

struct FewDocuments {
  static constexpr size_t too_short = 5;
  const std::shared_ptr<Model> model = random_model(wider(), 31);
  const std::vector<std::vector<int32_t>> documents = random_documents();
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});

  // Of the first steps behind the prompt.
  QueryGradients queries(size_t count) const {
    std::vector<Query> spans;
    for (size_t s = 1; s <= count; ++s) spans.push_back({&trace.tokens, trace.steps[s].begin, trace.steps[s].end});
    return query_gradients(*model, spans);
  }

 private:
  static ModelConfig wider() {
    ModelConfig config = tiny_config(2, true);
    config.width = 48, config.head_width = 12, config.mlp_width = 80;
    return config;
  }
  static std::vector<std::vector<int32_t>> random_documents() {
    Random random(7);
    std::vector<std::vector<int32_t>> all(60);
    for (size_t d = 0; d < all.size(); ++d) {
      all[d].resize(d == too_short ? 1 : 2 + random.below(30));
      for (int32_t& id : all[d]) id = static_cast<int32_t>(random.below(tiny_vocabulary));
    }
    return all;
  }
};

}  // namespace stemma::test
