// Preconditioned query gradients as products of two thin matrices (Grosse et al. 2023, section 3.2.2): a document is
// then scored without its gradient, and the queries of a large model fit into memory.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/influence/questions/query.h"

namespace stemma {

// Per tracked layer and query V ~ L R, L (P, r) with orthonormal columns.
struct LowRankQueries {
  struct Layer {
    int64_t rank = 0;    // r, at most P and M; 0: not asked
    Buffer left, right;  // (Q*r, P): L transposed; (Q*r, M): R
  };
  std::vector<Layer> layers;
  std::vector<float> nats;     // (Q) as in QueryGradients
  std::vector<double> errors;  // (Q) |V - L R| / |V|, Frobenius norms over all layers
};

inline constexpr double low_rank_making_bytes = 1 << 30;  // of whole gradients

// Room for `queries` of them over these layers, its numbers not set.
LowRankQueries low_rank_room(const Model& model, const std::vector<size_t>& layers, int64_t queries, int64_t rank);

// The nearest matrices of rank `rank` by randomised SVD with oversampling and two power iterations (Halko et al. 2011,
// algorithm 4.4); thin decompositions in f64. The same bits for the same input. Where the rank is that of a whole layer
// nothing is lost.
LowRankQueries compress(const Model& model, const QueryGradients& queries, int64_t rank);

// The same of gradients that never lie in memory all at once, only as many as fit into low_rank_making_bytes: of
// `queries`, preconditioned where there are factors.
LowRankQueries low_rank_queries(const Model& model, const Factors* factors, const std::vector<Query>& queries,
                                int64_t rank, const Control& control);

}  // namespace stemma
