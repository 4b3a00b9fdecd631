// What the documents behind reasoning have in common: tasks and sources of the strongest, correlation between queries
// (Ruis et al. 2024, figures 2 and 5).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"

namespace stemma {

// Pearson's correlation of two score lists over the same documents. NaN where one of them is constant.
double correlation(const std::vector<float>& a, const std::vector<float>& b);

// The `n` documents of the largest scores, strongest first.
std::vector<int32_t> strongest(const std::vector<float>& scores, size_t n);

struct TaskShare {
  double share = 0;   // of the strongest documents that belong to the query's task
  double corpus = 0;  // of all documents that do
};
TaskShare task_share(const std::vector<int32_t>& documents, const Corpus& corpus, const std::string& task);

// Count of each source among `documents`.
std::map<std::string, int> sources(const std::vector<int32_t>& documents, const Corpus& corpus);

// Shared documents of two lists over their union (Jaccard).
double overlap(std::vector<int32_t> a, std::vector<int32_t> b);

}  // namespace stemma
