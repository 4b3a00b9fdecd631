// How the documents of a batch meet low-rank queries at one layer: whichever takes fewer operations.
//
// No scan takes the derivative of log p along V, forward mode (output_tokens.h), although it needs no gradient. Of N
// weights and T tokens it is a forward, 2 N T, and twice that for the tangents W x' + V x; for one query of full rank a
// forward, a backward and g^T a are as much, and 2 N more for the product with V: 1 part in 3 T. At rank r both are
// 4 N T + 2 r (M + P) T. Another query costs it 4 N T, and a backward that serves them all next to nothing.
#pragma once

#include <cstdint>

#include "runtime/influence/precision.h"

namespace stemma {

// Inputs M, outputs P, rank r of the queries' L R there; a batch's tokens and documents, and the queries that meet it.
struct LayerMeeting {
  int64_t inputs = 0, outputs = 0, rank = 0, tokens = 0, documents = 0, queries = 0;
};

enum class Route {
  gradients,  // form each document's gradient g^T a and each query's L R, multiply all with all
  tokens,     // sum over tokens of <L^T g, R a>: no gradient is formed, no query expanded
};

// Floating-point operations of a route.
inline double operations(Route route, const LayerMeeting& m) {
  const auto weights = static_cast<double>(m.inputs * m.outputs), queries = static_cast<double>(m.queries),
             rank = static_cast<double>(m.rank), tokens = static_cast<double>(m.tokens);
  if (route == Route::tokens) return 2 * rank * static_cast<double>(m.inputs + m.outputs + 1) * tokens * queries;
  return 2 * weights * (tokens + static_cast<double>(m.documents) * queries + rank * queries);
}

// As if documents' gradients were products of f32, tokens' of the precision asked for: in bf16 at least twice as fast.
inline Route cheaper_route(const LayerMeeting& m, Precision precision) {
  const double faster = precision == Precision::bf16 ? 2 : 1;
  return operations(Route::tokens, m) < faster * operations(Route::gradients, m) ? Route::tokens : Route::gradients;
}

}  // namespace stemma
