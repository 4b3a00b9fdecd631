#include "runtime/influence/scan/exact_scores.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "kernels/side_by_side.h"
#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int64_t batches_a_round = 4;  // their number is a multiple of it, so that threads end together

// The fewest batches of at most about `most` tokens, as even as documents let them be: the longest first, each to the
// batch that has the fewest tokens.
std::vector<std::vector<size_t>> even_batches(const std::vector<std::vector<int32_t>>& documents, int64_t most,
                                              int64_t round) {
  std::vector<size_t> order;
  int64_t tokens = 0;
  for (size_t d = 0; d < documents.size(); ++d) {
    if (documents[d].size() < 2) continue;  // it predicts nothing
    order.push_back(d);
    tokens += static_cast<int64_t>(documents[d].size()) - 1;
  }
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t d) { return documents[d].size(); });
  const int64_t rounds = (tokens + most * round - 1) / (most * round);
  std::vector<std::vector<size_t>> batches(
      std::min(order.size(), static_cast<size_t>(tokens <= most ? rounds > 0 : rounds * round)));
  std::vector<size_t> filled(batches.size());
  for (const size_t d : order) {
    const auto least = std::ranges::min_element(filled);
    *least += documents[d].size() - 1;
    batches[static_cast<size_t>(least - filled.begin())].push_back(d);
  }
  return batches;
}

}  // namespace

struct ExactScores::Lane {
  Lane(const Model& model, const QueryGradients& gradients)
      : model(model), gradients(gradients), pass(model), decomposer(model), sums(model) {}

  // (documents, Q)
  std::vector<float> scores(const LabelledBatch& labelled) {
    Ops& ops = *model.ops;
    const auto& segments = labelled.batch.segments;
    const auto count = static_cast<int64_t>(segments.size()), asked = static_cast<int64_t>(gradients.nats.size());
    const Tensor all = sums.zeros(count, asked);
    pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
      const Tensor queries = gradients.layers[tracked_index(model, layer, which)];
      if (queries) ops.segment_scores(g, a, segments, queries, all);
    });
    std::vector<float> host(static_cast<size_t>(count * asked));
    ops.download(host.data(), all.data, sizeof(float) * host.size());
    return host;
  }

  // Of the one query, each document's.
  std::vector<Decomposition> parts(const LabelledBatch& labelled) {
    const auto& segments = labelled.batch.segments;
    Asked asked{&gradients, 0, 1, std::vector<int32_t>(segments.size())};
    std::iota(asked.documents.begin(), asked.documents.end(), 0);
    const Decomposition all = decomposer.of(labelled, {&asked, 1}).front();
    const auto blocks = static_cast<std::ptrdiff_t>(all.layers.size() / segments.size());
    std::vector<Decomposition> each;
    for (size_t i = 0; i < segments.size(); ++i) {
      const auto layers = all.layers.begin() + static_cast<std::ptrdiff_t>(i) * blocks;
      each.push_back({{all.tokens.begin() + segments[i].query_begin, all.tokens.begin() + segments[i].query_end},
                      {layers, layers + blocks}});
    }
    return each;
  }

  const Model& model;
  const QueryGradients& gradients;
  DocumentPass pass;
  Decomposer decomposer;
  Room sums;
};

ExactScores::ExactScores(const Model& model, const QueryGradients& gradients, int64_t batch_tokens)
    : model_(model),
      gradients_(gradients),
      in_lanes_(threads_take_batches(model, static_cast<int64_t>(gradients.nats.size()))),
      batch_tokens_(batch_tokens > 0 ? batch_tokens
                    : in_lanes_      ? lane_tokens
                                     : usual_batch_tokens),
      lanes_(in_lanes_ ? static_cast<size_t>(threads_of(*model.ops)) : 1) {}
ExactScores::~ExactScores() = default;

std::vector<float> ExactScores::of(const std::vector<int64_t>& documents,
                                   const std::vector<std::vector<int32_t>>& tokens, const Control& control) {
  const auto batches = even_batches(tokens, batch_tokens_, in_lanes_ ? batches_a_round : 1);
  const size_t asked = gradients_.nats.size();
  std::vector<float> scores(asked * documents.size());
  if (asked == 1)
    for (const int64_t document : documents) parts_[document];  // each lane fills its own
  std::atomic<size_t> done = scored_;
  const auto say = [&] {
    control.say({"scores of the most promising documents", double(done), double(scored_ + documents.size())});
  };
  say();
  side_by_side(static_cast<int>(lanes_.size()), std::ssize(batches), [&](int number, int64_t batch) {
    control.check();
    auto& lane = lanes_[static_cast<size_t>(number)];
    if (!lane) lane = std::make_unique<Lane>(model_, gradients_);
    const std::vector<size_t>& members = batches[static_cast<size_t>(batch)];
    LabelledBatch labelled;
    for (const size_t d : members) labelled.add(tokens[d]);
    if (asked == 1) {
      auto parts = lane->parts(labelled);
      for (size_t i = 0; i < members.size(); ++i) {
        scores[members[i]] = std::accumulate(parts[i].layers.begin(), parts[i].layers.end(), 0.0f);
        parts_.at(documents[members[i]]) = std::move(parts[i]);
      }
    } else {
      const auto found = lane->scores(labelled);
      for (size_t i = 0; i < members.size(); ++i)
        for (size_t q = 0; q < asked; ++q) scores[q * documents.size() + members[i]] = found[i * asked + q];
    }
    done += members.size();
    if (number == 0) say();
  });
  scored_ += documents.size();
  return scores;
}

}  // namespace stemma
