// What the exact scores of some documents say of those that wait.
//
// An estimate leaves out what lies beside the directions. That is not independent of a document's numbers: documents
// that are alike in these are alike in the rest, so where estimates of some were too low, those of their like are. The
// difference of score and estimate is regressed on the numbers: kernel ridge regression with K_ij = n_i . n_j, the mean
// of a Gaussian process (Rasmussen and Williams 2006, eq. 2.25), whose noise is a fifth of K's mean diagonal. As it is
// linear in the numbers, a correction is one more direction to search along.
#pragma once

#include <cstdint>
#include <vector>

namespace stemma {

// rows (S, numbers), the numbers times their lengths; errors (S) score - estimate. The direction (numbers) of which the
// product with a document's row is what its estimate lacks; all 0 where nothing can be learned.
std::vector<float> correction(const std::vector<float>& rows, const std::vector<float>& errors);

}  // namespace stemma
