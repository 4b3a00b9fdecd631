// Query gradients: what each span of a trace asks of the documents.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/influence/curvature/factors.h"
#include "runtime/model/forward.h"

namespace stemma {

inline constexpr int64_t query_batch_tokens = 1024;  // of short queries that are differentiated together, at most

// A span [begin, end) of a sequence of tokens; its measured function is log p(span | all before it), Grosse et al.
// eq. 24.
struct Query {
  const std::vector<int32_t>* tokens = nullptr;
  int32_t begin = 0, end = 0;
};

// Per tracked layer the (Q, P*M) gradients of log p of each query, empty for layers that are not asked. After
// precondition(): (G + lambda I)^-1 of them.
struct QueryGradients {
  std::vector<Buffer> layers;
  std::vector<bool> turned;  // which are in the factors' eigenbasis, from where precondition() brings them back
  std::vector<float> nats;  // (Q) -log p(span)
};

// Tracked layers of the factors, rising; all where they are null.
std::vector<size_t> asked_layers(const Model& model, const Factors* factors);

// How many queries' gradients over these layers fit into `bytes`; at least one.
size_t queries_at_once(const Model& model, const std::vector<size_t>& layers, double bytes);

// Over asked_layers. For factors, whose precondition() is to follow, a layer's tokens are turned into the eigenbasis
// before they are multiplied, where that takes fewer operations than turning each query's gradient.
QueryGradients query_gradients(const Model& model, const std::vector<Query>& queries, const Factors* factors = nullptr);

// Whether the factors are of this model, and its layers of their shapes: a file may claim any model.
bool fit_together(const Factors& factors, const Model& model);

// V = Q_S [(Q_S^T q Q_A) / (Lambda + lambda)] Q_A^T, layer by layer (Grosse et al. eq. 21).
void precondition(const Model& model, const Factors& factors, QueryGradients& queries);
// Both, or only the first where factors are null.
QueryGradients preconditioned(const Model& model, const Factors* factors, const std::vector<Query>& queries);
// How many queries' gradients of a layer of that many weights it turns at once.
inline int64_t preconditioned_together(int64_t weights) { return std::max<int64_t>(1, (1 << 20) / weights); }

}  // namespace stemma
