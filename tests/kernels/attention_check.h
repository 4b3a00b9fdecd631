// Attention against the same in f64, and its backward against central differences of that.
#pragma once

#include <QtTest>

#include "tests/support/compare.h"

namespace stemma::test {

void check_attention(const std::shared_ptr<Ops>& ops, const Heads& shape, const std::vector<Segment>& segments,
                     int64_t queries, int64_t keys, Random& random);

}  // namespace stemma::test
