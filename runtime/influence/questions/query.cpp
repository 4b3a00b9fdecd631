#include "runtime/influence/questions/query.h"

#include <algorithm>

#include "runtime/influence/curvature/blocks.h"
#include "runtime/influence/pass.h"
#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int32_t shared_from = 512;  // tokens of a query whose products are as fast alone as packed with others

// The host's numbers for the device, which the CPU reads where they are.
class OnDevice {
 public:
  OnDevice(const Model& model, const std::vector<float>& host, int64_t rows)
      : view_{const_cast<float*>(host.data()), rows, std::ssize(host) / rows} {
    if (model.ops->device() == "cpu") return;
    copy_ = Buffer(model.ops, view_.rows, view_.columns);
    copy_.upload(host.data());
    view_ = copy_.view();
  }
  operator Tensor() const { return view_; }

 private:
  Tensor view_;
  Buffer copy_;
};

// Of each tracked layer, null where its gradients are not to be turned by tokens.
std::vector<const LayerFactors*> turned_by_tokens(const Model& model, const std::vector<Query>& queries,
                                                  const Factors* factors) {
  std::vector<const LayerFactors*> turned(tracked_count(model), nullptr);
  if (!factors || queries.empty()) return turned;
  double tokens = 0;
  for (const Query& q : queries) tokens += q.end - 1;
  const std::vector<size_t> layers = chosen_layers(model, factors->choice.pattern);
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerFactors& f = factors->layers[i];
    if (tokens_first(tokens / static_cast<double>(queries.size()), f.inputs, f.outputs)) turned[layers[i]] = &f;
  }
  return turned;
}

}  // namespace

std::vector<size_t> asked_layers(const Model& model, const Factors* factors) {
  return chosen_layers(model, factors ? factors->choice.pattern : "all");
}

size_t queries_at_once(const Model& model, const std::vector<size_t>& layers, double bytes) {
  double tracked = 0;
  for (const size_t i : layers) tracked += static_cast<double>(tracked_weight(model, i).size());
  return static_cast<size_t>(std::max(1.0, bytes / (sizeof(float) * tracked)));
}

bool fit_together(const Factors& factors, const Model& model) {
  if (factors.model_hash != model.hash) return false;
  const std::vector<size_t> layers = layers_matching(model, factors.choice.pattern);
  if (layers.empty() || layers.size() != factors.layers.size()) return false;
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerFactors& f = factors.layers[i];
    const Tensor weight = tracked_weight(model, layers[i]);
    if (f.name != tracked_name(tracked_layer(model, layers[i]), tracked_linear(model, layers[i])) ||
        f.inputs != weight.columns || f.outputs != weight.rows)
      return false;
  }
  return true;
}

QueryGradients query_gradients(const Model& model, const std::vector<Query>& queries, const Factors* factors) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.size());
  QueryGradients result;
  result.nats.resize(queries.size());
  result.layers.resize(tracked_count(model));
  const std::vector<const LayerFactors*> turns = turned_by_tokens(model, queries, factors);
  for (const LayerFactors* f : turns) result.turned.push_back(f != nullptr);
  for (const size_t i : asked_layers(model, factors))
    result.layers[i] = Buffer(model.ops, count, tracked_weight(model, i).size());
  ColumnBlocks columns(model.ops);
  Room turned_a(model), turned_g(model), predicting(model), their_gradient(model), top(model);
  Workspace work(model);
  const int64_t width = model.config.width;
  // Queries [first, last) are the segments of `batch`, whose forward `work` holds: the tokens before each, of which
  // only those that predict its span have labels, and logits.
  const auto differentiate = [&](const Batch& batch, Tensor hidden, size_t first, size_t last) {
    std::vector<int32_t> rows, targets;
    for (size_t q = first; q < last; ++q)
      for (int32_t t = std::max(1, queries[q].begin); t < queries[q].end; ++t) {
        rows.push_back(batch.segments[q - first].query_begin + t - 1);
        targets.push_back((*queries[q].tokens)[static_cast<size_t>(t)]);
      }
    const auto labels = static_cast<int64_t>(rows.size());
    const IdBuffer places(model.ops, labels, 1);
    ops.upload(places.view().data, rows.data(), sizeof(int32_t) * rows.size());
    const Tensor x = predicting.of(labels, width), dx = their_gradient.of(labels, width);
    ops.embed(places, hidden, x);
    std::vector<float> losses;
    loss(model, x, targets, {.weight = -1}, losses, dx);
    const Tensor gradient = top.zeros(batch.size(), width);
    ops.embed_backward(places, dx, gradient);
    size_t label = 0;
    for (size_t q = first; q < last; ++q)
      for (int32_t t = std::max(1, queries[q].begin); t < queries[q].end; ++t) result.nats[q] += losses[label++];
    constexpr size_t nobody = -1;
    size_t turned_owner = nobody;  // whose input turned_a holds
    const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) {
      const size_t i = tracked_index(model, layer, which);
      if (!result.layers[i].view()) return;
      const Tensor rows = result.layers[i].view().slice(static_cast<int64_t>(first), static_cast<int64_t>(last));
      if (const LayerFactors* f = turns[i]) {
        const Tensor ta = turned_a.of(a.rows, a.columns), tg = turned_g.of(g.rows, g.columns);
        const size_t owner = owner_of_input(model, i);
        if (owner != turned_owner) columns.turn(a, OnDevice(model, f->q_a, f->inputs), false, ta);
        turned_owner = owner;  // the others who read it come right after
        columns.turn(g, OnDevice(model, f->q_s, f->outputs), false, tg);
        a = ta, g = tg;
      }
      ops.segment_outer(g, a, batch.segments, rows);
    };
    backward(work, batch, gradient, nullptr, &tap);
  };
  const auto tokens_before = [](const Query& q) {
    return std::vector<int32_t>(q.tokens->begin(), q.tokens->begin() + q.end - 1);
  };
  // Beginnings of one text, whose positions are turned alike: what its tokens are does not depend on where it ends.
  const auto alike = [&](const Query& a, const Query& b) {
    return a.tokens == b.tokens && model.config.long_factors(a.end - 1) == model.config.long_factors(b.end - 1);
  };
  for (size_t first = 0, last; first < queries.size(); first = last) {
    if (queries[first].end > shared_from) {
      // Long ones share the forward of the longest.
      const Query* longest = &queries[first];
      for (last = first; last < queries.size() && alike(queries[last], *longest); ++last)
        if (queries[last].end > longest->end) longest = &queries[last];
      Batch whole;
      whole.add(tokens_before(*longest));
      const Tensor hidden = forward(work, whole);
      for (size_t q = first; q < last; ++q) {
        Batch own;
        own.add(tokens_before(queries[q]));
        differentiate(own, hidden.slice(0, own.size()), q, q + 1);
      }
      continue;
    }
    Batch batch;
    for (last = first; last < queries.size() && queries[last].end <= shared_from &&
                       (last == first || batch.size() + queries[last].end <= query_batch_tokens);
         ++last)
      batch.add(tokens_before(queries[last]));
    differentiate(batch, forward(work, batch), first, last);
  }
  return result;
}

void precondition(const Model& model, const Factors& factors, QueryGradients& queries) {
  queries.turned.resize(queries.layers.size());
  Ops& ops = *model.ops;
  ColumnBlocks columns(model.ops);
  Room one(model), other(model);
  const std::vector<size_t> layers = chosen_layers(model, factors.choice.pattern);
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerFactors& f = factors.layers[i];
    const int64_t m = f.inputs, p = f.outputs;
    const OnDevice q_a(model, f.q_a, m), q_s(model, f.q_s, p), lambda(model, f.lambda, p);
    const Tensor all = queries.layers[layers[i]].view();
    const int64_t together = preconditioned_together(p * m);
    for (int64_t first = 0; first < all.rows; first += together) {
      // Rows of several queries are turned as one matrix; their columns query by query.
      const int64_t count = std::min(together, all.rows - first);
      const Tensor half = one.of(count * p, m), turned = other.of(count * p, m);
      const auto each = [&](auto work) {
        for (int64_t q = 0; q < count; ++q)
          work(Tensor{all.row(first + q), p, m}, half.slice(q * p, (q + 1) * p), turned.slice(q * p, (q + 1) * p));
      };
      if (!queries.turned[layers[i]]) {
        each([&](Tensor v, Tensor h, Tensor) { turn_rows(ops, q_s, false, v, h); });
        columns.turn(half, q_a, false, turned);
      }
      each([&](Tensor v, Tensor, Tensor t) {
        ops.divide_damped(queries.turned[layers[i]] ? v : t, lambda, static_cast<float>(f.damping), t);
      });
      columns.turn(turned, q_a, true, half);
      each([&](Tensor v, Tensor h, Tensor) { turn_rows(ops, q_s, true, h, v); });
    }
    queries.turned[layers[i]] = false;
  }
}

QueryGradients preconditioned(const Model& model, const Factors* factors, const std::vector<Query>& queries) {
  QueryGradients made = query_gradients(model, queries, factors);
  if (factors) precondition(model, *factors, made);
  return made;
}

}  // namespace stemma
