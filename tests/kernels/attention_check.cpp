#include "tests/kernels/attention_check.h"

namespace stemma::test {

void check_attention(const std::shared_ptr<Ops>& ops, const Heads& shape, const std::vector<Segment>& segments,
                     int64_t queries, int64_t keys, Random& random) {
  namespace ref = stemma::reference;
  constexpr double forward_tolerance = 5e-6, gradient_tolerance = 2e-5;
  const int heads = shape.query, shared = shape.key_value, width = shape.width;
  const auto host = [&](Tensor tensor) { return from_device(*ops, tensor); };
  const Matrix q = ref::random_matrix(queries, heads * width, random, 1.5),
               k = ref::random_matrix(keys, shared * width, random, 1.5),
               v = ref::random_matrix(keys, shared * width, random),
               upstream = ref::random_matrix(queries, heads * width, random);
  const Buffer dq = on_device(ops, q), dk = on_device(ops, k), dv = on_device(ops, v),
               z = full_of_nan(ops, queries, heads * width), log_sum = full_of_nan(ops, queries, heads);
  ops->attention(dq, dk, dv, segments, shape, z, log_sum);
  Matrix expected_log_sum;
  VERIFY_CLOSE(host(z), ref::attention(q, k, v, segments, shape, &expected_log_sum), forward_tolerance);
  VERIFY_CLOSE(host(log_sum), expected_log_sum, forward_tolerance);

  const Buffer gq = full_of_nan(ops, q.rows, q.columns), gk = full_of_nan(ops, k.rows, k.columns),
               gv = full_of_nan(ops, v.rows, v.columns);
  ops->attention_backward(dq, dk, dv, z, log_sum, on_device(ops, upstream), segments, shape, gq, gk, gv);
  const auto value = [&](const Matrix& a, const Matrix& b, const Matrix& c) {
    return dot(ref::attention(a, b, c, segments, shape), upstream);
  };
  if (shape.window == 1) {
    // One key has all the probability whatever q and k are: their gradients are zero, to the rounding of two equal
    // sums.
    VERIFY_CLOSE(ref::sum(upstream, host(gq)), upstream, gradient_tolerance);
    const Matrix ones(keys, shared * width, 1);
    VERIFY_CLOSE(ref::sum(ones, host(gk)), ones, gradient_tolerance);
  } else {
    VERIFY_CLOSE(host(gq), central_differences(q, [&](const Matrix& m) { return value(m, k, v); }), gradient_tolerance);
    VERIFY_CLOSE(host(gk), central_differences(k, [&](const Matrix& m) { return value(q, m, v); }), gradient_tolerance);
  }
  VERIFY_CLOSE(host(gv), central_differences(v, [&](const Matrix& m) { return value(q, k, m); }), gradient_tolerance);
}

}  // namespace stemma::test
