// Query gradients: what each span of a trace asks of the documents.
#pragma once

#include <vector>

#include "runtime/influence/factors.h"
#include "runtime/model/forward.h"

namespace stemma {

// A span [begin, end) of a sequence of tokens; its measured function is log p(span | all before it), Grosse et al. eq. 24.
struct Query {
  const std::vector<int32_t>* tokens = nullptr;
  int32_t begin = 0, end = 0;
};

// Per tracked layer the (Q, P*M) gradients of log p of each query. After precondition(): (G + lambda I)^-1 of them.
struct QueryGradients {
  std::vector<Buffer> layers;
  std::vector<float> nats;  // (Q) -log p(span)
};

// How many of them fit into `bytes`; at least one.
size_t queries_at_once(const Model& model, double bytes);

QueryGradients query_gradients(const Model& model, const std::vector<Query>& queries);

// V = Q_S [(Q_S^T q Q_A) / (Lambda + lambda)] Q_A^T, layer by layer (Grosse et al. eq. 21).
void precondition(const Model& model, const Factors& factors, QueryGradients& queries);

}  // namespace stemma
